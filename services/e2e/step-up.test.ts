import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { z } from 'zod'
import { type Api, errorInfo, newPerson, payment, type Person, signIn } from './api.js'
import { type MeshUnderTest, theMesh } from './mesh-under-test.js'

const ruleSetShape = z.looseObject({ name: z.string(), version: z.string().default(''), etag: z.string().default('') })
const challengeShape = z.object({ name: z.string(), challenge: z.base64() })
const reasonShape = z.looseObject({ reason: z.string(), metadata: z.record(z.string(), z.string()) })
const namedShape = z.looseObject({ name: z.string() })

/** A user with a verified address and a phone. */
interface Owner {
  readonly api: Api
  readonly name: string
  readonly email: string
  readonly session: string
  readonly wallet: string
}

describe('a payment over an amount that needs a bound device', () => {
  const phone = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  let mesh: MeshUnderTest
  let owner: Owner
  let payee: Person
  let author: Api
  let first: z.infer<typeof ruleSetShape>
  before(async function () {
    this.timeout(60_000)
    mesh = await theMesh()
    owner = await newOwner()
    payee = await newPerson(mesh.api)
    author = await riskOfficer()
    await mesh.operator.fund(owner.wallet, 10_000_00n)
    first = await newest()
    await publishStepUp()
  })
  after(async () => {
    const { version } = await newest()
    const rollBack = { replacedVersion: version, reason: 'tests end' }
    await mesh.admin.ok('POST', `/v1/admin/${first.name}:rollBack`, rollBack, 'ruleSet', ruleSetShape)
  })

  async function newOwner(): Promise<Owner> {
    const [email, password] = [`${randomUUID()}@example.com`, `pass ${randomUUID()}`]
    const { name } = await mesh.api.ok('POST', '/v1/users', { user: { email }, password }, 'user', namedShape)
    const code = await mesh.codeSentTo(email)
    await mesh.api.ok('POST', '/v1/users:verifyContact', { user: name, code }, 'verifyTime', z.string())
    const tokens = await signIn(mesh.api, email, password)
    const api = mesh.api.as(tokens.accessToken)
    const wallet = await api.createWallet('THB')
    return { api, name, email, session: tokens.session, wallet: wallet.name }
  }

  async function riskOfficer(): Promise<Api> {
    const [email, password] = [`risk-${randomUUID()}@example.com`, randomUUID()]
    const { name: user } = await mesh.api.ok('POST', '/v1/users', { user: { email }, password }, 'user', namedShape)
    await mesh.admin.ok('POST', '/v1/admin/grants', { user, role: 'risk' }, 'grant', z.looseObject({}))
    return mesh.api.as((await signIn(mesh.api, email, password)).accessToken)
  }

  async function newest(): Promise<z.infer<typeof ruleSetShape> & { document?: unknown }> {
    const path = '/v1/admin/ruleSets?pageSize=1&state=RULE_SET_STATE_PUBLISHED'
    const [listed] = await author.ok('GET', path, undefined, 'ruleSets', z.array(ruleSetShape))
    return await author.ok('GET', `/v1/admin/${listed?.name ?? ''}`, undefined, 'ruleSet', ruleSetShape)
  }

  /** For this payer alone: other tests go on as they were. */
  async function publishStepUp(): Promise<void> {
    const rule = {
      id: 'large',
      operation_types: ['P2P_TRANSFER'],
      assets: ['THB'],
      min_minor: '100000',
      condition: `payer.owner == "${owner.name}"`,
      level: 'DEVICE',
    }
    const document = { ...z.looseObject({}).parse((await newest()).document), step_up: [rule] }
    const ruleSet = { document, description: 'large payments need a device' }
    const body = { requestId: randomUUID(), ruleSet }
    const draft = await author.ok('POST', '/v1/admin/ruleSets', body, 'ruleSet', ruleSetShape)
    const publish = { etag: draft.etag, reason: 'phones get stolen' }
    await mesh.admin.ok('POST', `/v1/admin/${draft.name}:publish`, publish, 'ruleSet', ruleSetShape)
  }

  const signed = (...lines: string[]): string => {
    return sign('sha256', Buffer.from(lines.join('\n')), phone.privateKey).toString('base64')
  }
  const begin = async (path: string) => {
    const { name, challenge } = await owner.api.ok('POST', path, {}, 'challenge', challengeShape)
    return { name, text: Buffer.from(challenge, 'base64').toString('base64url') }
  }

  async function bindPhone(): Promise<string> {
    await owner.api.ok('POST', '/v1/devices:sendCode', {}, 'expireTime', z.string())
    const code = await mesh.codeSentTo(owner.email, 'DEVICE_CODE')
    const { name: challenge, text } = await begin('/v1/devices:beginBinding')
    const binding = {
      challenge,
      displayName: 'Phone',
      spki: phone.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
      signature: signed('paymesh.identity.v1.FinishBinding', owner.name, owner.session, text),
      code,
    }
    return (await owner.api.ok('POST', '/v1/devices', binding, 'device', namedShape)).name
  }

  async function stepUp(device: string): Promise<Api> {
    const { name: challenge, text } = await begin(`/v1/${device}:beginChallenge`)
    const signature = signed('paymesh.identity.v1.StepUpSession', owner.name, owner.session, device, text)
    const proof = { device: { challenge, signature } }
    return owner.api.as(await owner.api.ok('POST', '/v1/sessions:stepUp', proof, 'accessToken', z.string()))
  }

  it('is refused before anything is written, and settles under the same request id once the session is stepped up', async () => {
    const body = payment(owner.wallet, payee.wallet, 1_000_00n)
    const refused = await mesh.until('the rule set is in force', async () => {
      // Another request id each time: until then the payment settles.
      const answer = await owner.api.send('POST', '/v1/intents', { ...body, requestId: randomUUID() })
      return answer.status === 403 ? answer : undefined
    })
    const { reason, metadata } = reasonShape.parse(errorInfo(refused))
    assert.deepEqual([reason, metadata], ['STEP_UP_REQUIRED', { level: 'device' }])
    const bare = await owner.api.send('POST', '/v1/intents', body)
    assert.equal(bare.status, 403)
    const { intent } = body
    const path = '/v1/intents:preview'
    assert.equal(await owner.api.ok('POST', path, { intent }, 'missingLevel', z.string()), 'AUTH_LEVEL_DEVICE')

    const strong = await stepUp(await bindPhone())
    const settled = await strong.pay(owner.wallet, payee.wallet, 1_000_00n, body.requestId)
    assert.equal(settled.state, 'INTENT_STATE_SETTLED')
    const again = await owner.api.send('POST', '/v1/intents', body)
    assert.deepEqual([again.status, again.headers.get('idempotent-replay')], [200, 'true'])
  })

  it('below the amount needs nothing', async () => {
    assert.equal((await owner.api.pay(owner.wallet, payee.wallet, 999_99n)).state, 'INTENT_STATE_SETTLED')
  })
})
