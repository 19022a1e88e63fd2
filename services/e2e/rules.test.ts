import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { type Api, errorInfo, newPerson, newUser, type Person, signIn } from './api.js'
import { theMesh } from './mesh-under-test.js'
import { newClient, send, signed } from './signed-requests.js'

const ruleSetShape = z.looseObject({
  name: z.string(),
  etag: z.string(),
  version: z.string().optional(),
  document: z.looseObject({ fees: z.array(z.looseObject({ id: z.string() })) }).optional(),
})
type RuleSetJson = z.infer<typeof ruleSetShape>

const standingsShape = z.array(
  z.looseObject({
    limitId: z.string(),
    cap: z.string(),
    used: z.string(),
    uses: z.string(),
    windowEndTime: z.string(),
  }),
)

const differencesShape = z.array(z.looseObject({ place: z.string() }))

describe('changing rules while payments run', () => {
  let publisher: Api
  let author: Api
  let alice: Person
  let bob: Person
  let first: RuleSetJson

  before(async () => {
    const mesh = await theMesh()
    publisher = mesh.admin
    author = await riskOfficer(mesh.api, mesh.admin)
    alice = await newPerson(mesh.api)
    bob = await newPerson(mesh.api)
    await mesh.operator.fund(alice.wallet, 1_000_000_00n)
    first = await newest()
  })
  after(async () => {
    const { name, document } = await newest()
    if (isDeepStrictEqual(document, first.document)) return
    await rollBack(name.replace('ruleSets/', ''))
    await feesBecome([100n, 50n])
  })

  async function riskOfficer(api: Api, admin: Api): Promise<Api> {
    const [email, password] = [`risk-${randomUUID()}@example.com`, randomUUID()]
    const { name: user } = await api.ok(
      'POST',
      '/v1/users',
      { user: { email }, password },
      'user',
      z.object({ name: z.string() }),
    )
    await admin.ok('POST', '/v1/admin/grants', { user, role: 'risk' }, 'grant', z.looseObject({}))
    return api.as((await signIn(api, email, password)).accessToken)
  }

  async function newest(): Promise<RuleSetJson> {
    const state = 'RULE_SET_STATE_PUBLISHED'
    const path = `/v1/admin/ruleSets?pageSize=1&state=${state}`
    const [listed] = await publisher.ok('GET', path, undefined, 'ruleSets', z.array(ruleSetShape))
    assert.ok(listed !== undefined)
    return await publisher.ok('GET', `/v1/admin/${listed.name}`, undefined, 'ruleSet', ruleSetShape)
  }

  function documentWith(flatMinor: string): unknown {
    const fees = first.document?.fees ?? []
    return {
      ...first.document,
      fees: fees.map((fee) => (fee.id === 'p2p-receipt' ? { ...fee, flat_minor: flatMinor } : fee)),
    }
  }

  /** Puts a document in force, by two people, and answers its version. */
  async function publish(document: unknown): Promise<string | undefined> {
    const body = { requestId: randomUUID(), ruleSet: { document, description: 'for a test' } }
    const draft = await author.ok('POST', '/v1/admin/ruleSets', body, 'ruleSet', ruleSetShape)
    const path = `/v1/admin/${draft.name}:publish`
    const { version } = await publisher.ok(
      'POST',
      path,
      { etag: draft.etag, reason: 'a test' },
      'ruleSet',
      ruleSetShape,
    )
    return version
  }

  /** Puts the first document in force again. */
  async function rollBack(replacedVersion: string | undefined): Promise<void> {
    const body = { replacedVersion, reason: 'a test ends' }
    await publisher.ok('POST', `/v1/admin/${first.name}:rollBack`, body, 'ruleSet', ruleSetShape)
  }

  /** What payments of 100.00 cost, as PRE and POST. */
  async function feesBecome(wanted: readonly bigint[]): Promise<void> {
    const mesh = await theMesh()
    await mesh.until(`fees of ${wanted.join(' and ')}`, async () => {
      const { payerTotal, payeeTotal } = await alice.api.pay(alice.wallet, bob.wallet, 100_00n)
      const found = [BigInt(payerTotal?.minorUnits ?? 0) - 100_00n, 100_00n - BigInt(payeeTotal?.minorUnits ?? 0)]
      return found.join() === wanted.join() ? found : undefined
    })
  }

  it('takes a draft of one person through trial and review of another to payments, and back', async () => {
    await feesBecome([100n, 50n])
    const created = await author.ok(
      'POST',
      '/v1/admin/ruleSets',
      { requestId: randomUUID(), ruleSet: { document: documentWith('60'), description: 'receipts cost more' } },
      'ruleSet',
      ruleSetShape,
    )
    const patch = { etag: created.etag, document: documentWith('75') }
    const draft = await author.ok('PATCH', `/v1/admin/${created.name}`, patch, 'ruleSet', ruleSetShape)
    assert.deepEqual(draft.document, documentWith('75'))
    const validated = await author.send('POST', '/v1/admin/ruleSets:validate', { name: draft.name })
    assert.deepEqual([validated.status, validated.body], [200, {}])
    const diffPath = `/v1/admin/ruleSets:diff?before=${first.name}&after=${draft.name}`
    const differences = await author.ok('GET', diffPath, undefined, 'differences', differencesShape)
    assert.deepEqual(
      differences.map(({ place }) => place),
      ['fees.p2p-receipt'],
    )
    const publish = { etag: draft.etag, reason: 'paper is dear' }
    const bare = await author.send('POST', `/v1/admin/${draft.name}:publish`, publish)
    assert.deepEqual([bare.status, errorInfo(bare).reason], [403, 'PERMISSION_MISSING'])
    const published = await publisher.ok('POST', `/v1/admin/${draft.name}:publish`, publish, 'ruleSet', ruleSetShape)
    await feesBecome([100n, 75n])
    await rollBack(published.version)
    await feesBecome([100n, 50n])
  })

  it('limits what a user pays in a day, and says so', async () => {
    const limit = {
      id: 'daily-user',
      operation_types: ['P2P_TRANSFER'],
      assets: ['THB'],
      metric: 'AMOUNT',
      window: 'DAILY',
      time_zone: 'Asia/Bangkok',
      cap: '50000',
    }
    const version = await publish({ ...first.document, limits: [limit] })
    const mesh = await theMesh()
    const [used] = await mesh.until('the limit is in force', async () => {
      const standings = await previewedLimits()
      return standings.length === 0 ? undefined : standings
    })
    assert.ok(used !== undefined)
    assert.deepEqual([used.limitId, used.cap, used.uses], ['daily-user', '50000', '20000'])
    for (let left = 50_000n - BigInt(used.used); left >= 20_000n; left -= 20_000n) {
      assert.equal((await alice.api.pay(alice.wallet, bob.wallet, 200_00n)).state, 'INTENT_STATE_SETTLED')
    }
    const refused = await alice.api.pay(alice.wallet, bob.wallet, 200_00n)
    const [before] = await previewedLimits()
    assert.deepEqual(
      [refused.state, refused.failure?.reason, refused.failure?.limit],
      [
        'INTENT_STATE_REJECTED',
        'LIMIT_EXCEEDED',
        {
          limitId: 'daily-user',
          metric: 'LIMIT_METRIC_AMOUNT',
          assetCode: 'THB',
          cap: '50000',
          used: before?.used,
          windowEndTime: before?.windowEndTime,
        },
      ],
    )
    await rollBack(version)
    await mesh.until('the limit is gone', async () => ((await previewedLimits()).length === 0 ? true : undefined))
  })

  async function previewedLimits(): Promise<z.infer<typeof standingsShape>> {
    const intent = {
      operationType: 'P2P_TRANSFER',
      payer: { wallet: alice.wallet },
      payee: { wallet: bob.wallet },
      amount: { assetCode: 'THB', minorUnits: '20000' },
    }
    const { status, body } = await alice.api.send('POST', '/v1/intents:preview', { intent })
    assert.equal(status, 200, JSON.stringify(body))
    return z.looseObject({ limits: standingsShape.default([]) }).parse(body).limits
  }

  it('limits how often one user asks, tells what is left, and lets others and Rules be', async () => {
    const subjects = [alice.name]
    const guard = { id: 'alice', classes: ['READ'], per: 'USER', requests: 3, window_seconds: 3600, subjects }
    const version = await publish({ ...first.document, rate_limits: [guard] })
    const mesh = await theMesh()
    const read = () => alice.api.send('GET', `/v1/${alice.wallet}`)
    const refused = await mesh.until('alice is refused', async () => {
      const answer = await read()
      return answer.status === 429 ? answer : undefined
    })
    const { code, reason, domain } = errorInfo(refused)
    assert.deepEqual([code, reason, domain], [8, 'RATE_LIMITED', 'edge.paymesh'])
    assert.equal(refused.headers.get('ratelimit-policy'), '"alice";q=3;w=3600')
    assert.match(refused.headers.get('ratelimit') ?? '', /^"alice";r=0;t=3[0-9]{3}$/)
    assert.match(refused.headers.get('retry-after') ?? '', /^1[12][0-9]{2}$/)
    assert.equal((await bob.api.send('GET', `/v1/${bob.wallet}`)).status, 200)
    assert.equal((await alice.api.pay(alice.wallet, bob.wallet, 1_00n)).state, 'INTENT_STATE_SETTLED')
    await mesh.services.rules.kill()
    assert.equal((await read()).status, 200, 'nobody counts')
    await mesh.services.rules.start()
    await mesh.until('Rules is served', async () => {
      const { status } = await publisher.send('GET', '/v1/admin/ruleSets?pageSize=1')
      return status === 200 || undefined
    })
    await rollBack(version)
    await mesh.until('alice is let through', async () => ((await read()).status === 200 ? true : undefined))
  })

  it('limits how often one machine client asks, also when it acts for users', async () => {
    const mesh = await theMesh()
    const { name, key } = await newClient({ mayActFor: ['*'] })
    const guard = { id: 'shop', classes: ['READ'], per: 'CLIENT', requests: 3, window_seconds: 3600, subjects: [name] }
    const version = await publish({ ...first.document, rate_limits: [guard] })
    const read = async (more = {}) => await send(await signed(key, 'GET', '/v1/wallets', undefined, more))
    const refused = await mesh.until('the client is refused', async () => {
      const answer = await read({ onBehalfOf: alice.name })
      return answer.status === 429 ? answer : undefined
    })
    assert.equal(errorInfo(refused).reason, 'RATE_LIMITED')
    assert.equal(refused.headers.get('ratelimit-policy'), '"shop";q=3;w=3600')
    assert.equal((await read()).status, 429)
    assert.equal((await alice.api.send('GET', `/v1/${alice.wallet}`)).status, 200)
    await rollBack(version)
    await mesh.until('the client is let through', async () => ((await read()).status === 200 ? true : undefined))
  })

  it('streams a dry run', async () => {
    const body = {
      facts: [
        {
          operationType: 'P2P_TRANSFER',
          amount: { assetCode: 'THB', minorUnits: '10000' },
          payer: { party: 'wallets/a' },
          payee: { party: 'wallets/b' },
          time: '2026-11-24T10:00:00Z',
        },
      ],
    }
    const { name } = await newest()
    const response = await fetch(`${author.url}/v1/admin/${name}:dryRun`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${author.token}` },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    })
    const text = await response.text()
    assert.equal(response.status, 200, text)
    assert.match(text, /"summary":\{"count":1,/)
  })

  it('tries an expression', async () => {
    const body = { expression: 'bps(amount, 25, "half_even")', result: 'EXPRESSION_RESULT_INT' }
    const answer = await author.send('POST', '/v1/admin/ruleSets:tryExpression', body)
    assert.equal(answer.status, 200)
  })

  it('is closed to everybody else', async () => {
    const { api } = await newUser((await theMesh()).api)
    for (const [method, path] of [
      ['GET', '/v1/admin/ruleSets'],
      ['POST', '/v1/admin/ruleSets'],
      ['POST', '/v1/admin/ruleSets:validate'],
      ['GET', '/v1/admin/ruleSets/1'],
      ['POST', '/v1/admin/ruleSets/1:rollBack'],
    ] as const) {
      const answer = await api.send(method, path, method === 'POST' ? {} : undefined)
      assert.deepEqual([answer.status, errorInfo(answer).reason], [403, 'PERMISSION_MISSING'], path)
    }
  })
})
