import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { KycFinding, KycState } from '../../../gen/paymesh/identity/v1/kyc_service.js'
import { Secret } from '../../runtime/secret.js'
import { httpKycProvider } from '../kyc/http-kyc-provider.js'
import { attemptsMax, KycChecks } from '../kyc/kyc-checks.js'
import { TestIdentity } from './harness.js'
import { getKyc, passport, reviewer, submitKyc } from './kyc-harness.js'
import { endless, finds, hangs, hangsUp, says, type Script, scriptedKycProvider } from './scripted-kyc-provider.js'

const key = new Secret(Buffer.alloc(32, 3), 'key')

describe('the KYC provider', () => {
  let identity: TestIdentity
  let provider: Awaited<ReturnType<typeof scriptedKycProvider>>
  before(async () => {
    identity = await TestIdentity.start()
  })
  afterEach(() => provider.stop())
  after(() => identity.stop())

  const checksWith = async (...script: Script[]) => {
    provider = await scriptedKycProvider(...script)
    const { clock, log, parts } = identity
    const http = httpKycProvider({ url: provider.url, key, clock, timeoutMs: 300 })
    return new KycChecks({ kyc: parts.kyc, provider: http, clock, log })
  }
  const submitted = async () => submitKyc(identity, (await identity.register()).name)

  it('is asked under the case, signed, with digests and never with contents', async () => {
    const checks = await checksWith(finds('SUSPECT', 'ref-7'))
    const kyc = await submitted()
    await checks.check()
    const [{ headers, body }] = provider.asked as [(typeof provider.asked)[number]]
    const sha256 = createHash('sha256').update(passport.content).digest('hex')
    assert.deepEqual(JSON.parse(body), {
      case: kyc.case,
      level: 'BASIC',
      documents: [{ kind: 'PASSPORT', sha256, sizeBytes: 10 }],
    })
    const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`
    const mac = createHmac('sha256', key.reveal()).update(signed).digest('base64')
    assert.deepEqual([headers['webhook-id'], headers['webhook-signature']], [kyc.case, `v1,${mac}`])
    const seen = await getKyc(identity, reviewer, kyc.name)
    assert.deepEqual(
      [seen.state, seen.finding, seen.providerReference],
      [KycState.IN_REVIEW, KycFinding.SUSPECT, 'ref-7'],
    )
  })

  it('is asked once a case, however many replicas there are', async () => {
    const checks = await checksWith(finds('CLEAR'))
    await submitted()
    await Promise.all(Array.from({ length: 4 }, () => checks.check()))
    assert.equal(provider.asked.length, 1)
  })

  const misbehaving: [string, Script][] = [
    ['answers 500', says(500, 'oops')],
    ['answers 404', says(404, '{}')],
    ['redirects', (response) => response.writeHead(302, { location: 'http://localhost:9/' }).end()],
    ['answers no JSON', says(200, 'a passport')],
    ['answers another finding', finds('WHATEVER')],
    ['answers a reference with what could be a name', finds('CLEAR', 'Ann Example')],
    ['hangs', hangs],
    ['hangs up', hangsUp],
    ['answers without end', endless],
  ]
  for (const [title, script] of misbehaving) {
    it(`is asked again, later, when it ${title}`, async () => {
      const checks = await checksWith(script, finds('CLEAR'))
      const kyc = await submitted()
      await checks.check()
      await checks.check()
      assert.equal(provider.asked.length, 1, 'not at once')
      assert.equal((await getKyc(identity, reviewer, kyc.name)).state, KycState.SUBMITTED)
      identity.clock.advance(2000)
      await checks.check()
      assert.equal((await getKyc(identity, reviewer, kyc.name)).finding, KycFinding.CLEAR)
      assert.doesNotMatch(identity.logged.join(''), /oops|a passport|Ann Example/)
    })
  }

  it('is given up after half an hour, and a person decides unaided', async () => {
    const checks = await checksWith(says(503, ''))
    const kyc = await submitted()
    const beganMs = identity.clock.nowMs()
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      assert.equal((await getKyc(identity, reviewer, kyc.name)).state, KycState.SUBMITTED)
      await checks.check()
      assert.equal(provider.asked.length, attempt)
      if (attempt < attemptsMax) identity.clock.advance(1000 * 2 ** attempt)
    }
    assert.ok(identity.clock.nowMs() - beganMs > 30 * 60_000)
    const { state, finding } = await getKyc(identity, reviewer, kyc.name)
    assert.deepEqual([state, finding], [KycState.IN_REVIEW, KycFinding.NOT_CHECKED])
  })
})
