import assert from 'node:assert/strict'
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import { AuthLevel } from '../../../gen/paymesh/access/v1/access.js'
import {
  BeginChallengeRequest,
  DeviceServiceService,
  ListDevicesRequest,
  SendDeviceCodeRequest,
  UnbindDeviceRequest,
} from '../../../gen/paymesh/identity/v1/device_service.js'
import {
  RefreshSessionRequest,
  RevokeSessionRequest,
  SessionServiceService,
} from '../../../gen/paymesh/identity/v1/session_service.js'
import { type KeyPair, newPhone, signLines, spkiOf, TestOwner } from '../test/device.js'
import { assertFails, type Failure, TestIdentity } from '../test/harness.js'

const codeInvalid: Failure = { reason: 'CODE_INVALID', code: 'UNAUTHENTICATED' }
const challengeInvalid: Failure = { reason: 'CHALLENGE_INVALID', code: 'FAILED_PRECONDITION' }
const signatureInvalid: Failure = { reason: 'SIGNATURE_INVALID', code: 'UNAUTHENTICATED' }
const invalid = (...fields: string[]): Failure => ({ reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields })
const notFound = (device: string): Failure => ({ reason: 'DEVICE_NOT_FOUND', code: 'NOT_FOUND', metadata: { device } })
const unknown = 'devices/0198c0de-0000-7000-8000-0123456789ab'

describe('devices', () => {
  let identity: TestIdentity
  let owner: TestOwner
  let phone: KeyPair
  before(async () => {
    identity = await TestIdentity.start()
  })
  after(() => identity.stop())
  beforeEach(async () => {
    owner = await TestOwner.create(identity)
    phone = newPhone()
  })

  const list = async (who = owner) =>
    (await identity.call(DeviceServiceService.listDevices, ListDevicesRequest.fromPartial({}), who.as())).devices
  const unbind = (name: string, who = owner) =>
    identity.call(DeviceServiceService.unbindDevice, UnbindDeviceRequest.fromPartial({ name }), who.as())
  const beginChallenge = (name: string, who = owner) =>
    identity.call(DeviceServiceService.beginChallenge, BeginChallengeRequest.fromPartial({ name }), who.as())

  describe('binding', () => {
    it('keeps a device with its name and attestation, and tells the contact', async () => {
      const code = await owner.code()
      const attestation = Buffer.from('from the platform')
      const device = await owner.finish(await owner.binding(phone, { code, attestation }))
      assert.match(device.name, /^devices\/[0-9a-f-]{36}$/)
      assert.equal(device.displayName, 'My phone')
      assert.deepEqual(await list(), [device])
      assert.equal((await identity.told(owner.email)).kind, 'DEVICE_BOUND')
      const { rows } = await identity.pool.query('select attestation from devices where id = $1', [
        device.name.slice(8),
      ])
      assert.deepEqual(rows, [{ attestation }])
    })

    it('takes a JSON Web Key and a signature as two numbers', async () => {
      const { kty, crv, x, y } = phone.publicKey.export({ format: 'jwk' })
      const jwk = { kty: kty!, crv: crv!, x: x!, y: y! }
      const begun = await owner.binding(phone, { publicKey: { $case: 'jwk', jwk }, code: await owner.code() })
      const { name } = await owner.finish(begun)
      const stepped = await owner.stepUp(await owner.proof(name, phone, 'ieee-p1363'))
      assert.equal(stepped.level, AuthLevel.DEVICE)
    })

    it('needs no code of a session that is stepped up, and spends one otherwise', async () => {
      const code = await owner.code()
      await owner.finish(await owner.binding(phone, { code }))
      await assertFails(owner.finish(await owner.binding(newPhone(), { code })), codeInvalid)
      await owner.finish(await owner.binding(newPhone()), owner.as('device'))
      assert.equal((await list()).length, 2)
    })

    it('answers a key that was bound before as it is', async () => {
      const device = await owner.bind(phone)
      assert.deepEqual(await owner.bind(phone), device)
    })

    it('says what is wrong, in this order', async () => {
      const request = { code: '', signature: Buffer.alloc(73), attestation: Buffer.alloc(16_385), displayName: 'a\nb' }
      await assertFails(
        owner.finish({ ...request, challenge: 'x' }),
        invalid('challenge', 'display_name', 'public_key', 'signature', 'attestation', 'code'),
      )
      const wrongCode = await owner.binding(phone, { code: '000000', signature: Buffer.alloc(64) })
      const theirs = newPhone()
      await (await TestOwner.create(identity)).bind(theirs)
      await assertFails(owner.finish(wrongCode), codeInvalid)
      const code = await owner.code()
      const gone = 'deviceChallenges/0198c0de-0000-7000-8000-0123456789ab'
      await assertFails(owner.finish(await owner.binding(phone, { code, challenge: gone })), challengeInvalid)
      const badly = await owner.binding(phone, { code, signature: Buffer.alloc(64) })
      await assertFails(owner.finish(badly), signatureInvalid)
      // The challenge is spent, the code is not.
      await assertFails(owner.finish(badly), challengeInvalid)
      const taken: Failure = { reason: 'DEVICE_KEY_TAKEN', code: 'ALREADY_EXISTS' }
      await assertFails(owner.finish(await owner.binding(theirs, { code })), taken)
      await owner.finish(await owner.binding(newPhone(), { code }))
    })

    const keys: [string, () => object][] = [
      ['of another curve', () => ({ publicKey: spkiOf(newPhone('P-384')) })],
      ['of secp256k1', () => ({ publicKey: spkiOf(newPhone('secp256k1')) })],
      ['that is no DER', () => ({ publicKey: { $case: 'spki', spki: Buffer.alloc(91) } })],
      ['that is empty', () => ({ publicKey: { $case: 'spki', spki: Buffer.alloc(0) } })],
    ]
    for (const [name, change] of keys) {
      it(`refuses a key ${name}`, async () => {
        await assertFails(owner.finish(await owner.binding(phone, { ...change(), code: '123456' })), invalid('spki'))
      })
    }

    it('refuses a point that is not on the curve', async () => {
      const zero = Buffer.alloc(32).toString('base64url')
      const jwk = { kty: 'EC', crv: 'P-256', x: zero, y: zero }
      const publicKey = { $case: 'jwk', jwk } as const
      await assertFails(owner.finish(await owner.binding(phone, { publicKey, code: '123456' })), invalid('jwk'))
    })

    it('refuses a challenge of another user, another session, another purpose, and one that is over', async () => {
      const code = await owner.code()
      const [other, session] = [await TestOwner.create(identity), await owner.elsewhere()]
      for (const stranger of [other, session]) {
        const { challenge } = await stranger.binding(phone)
        await assertFails(owner.finish(await owner.binding(phone, { code, challenge: challenge! })), challengeInvalid)
      }
      const binding = await owner.binding(phone, { code })
      identity.clock.advance(120_000)
      await assertFails(owner.finish(binding), challengeInvalid)
      const { name } = await owner.finish(await owner.binding(phone, { code }))
      const stepUp = await beginChallenge(name)
      const request = await owner.binding(newPhone(), { challenge: stepUp.challenge!.name })
      await assertFails(owner.finish(request, owner.as('device')), challengeInvalid)
      const binding2 = await owner.binding(phone)
      const proof = await owner.proof(name, phone)
      await assertFails(owner.stepUp({ ...proof, challenge: binding2.challenge! }), challengeInvalid)
    })

    it('binds at most five, however many come at once', async () => {
      const requests = []
      for (let i = 0; i < 8; i++) requests.push(await owner.binding(newPhone()))
      const outcomes = await Promise.allSettled(requests.map((request) => owner.finish(request, owner.as('device'))))
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 5)
      const tooMany: Failure = { reason: 'TOO_MANY_DEVICES', code: 'FAILED_PRECONDITION' }
      await assertFails(owner.finish(await owner.binding(newPhone()), owner.as('pin')), tooMany)
    })

    it('sends codes to verified contacts only, ever more slowly', async () => {
      const send = (sub: string) =>
        identity.call(DeviceServiceService.sendDeviceCode, SendDeviceCodeRequest.fromPartial({}), { claims: { sub } })
      const { name } = await identity.register()
      await assertFails(send(name), { reason: 'CONTACT_UNVERIFIED', code: 'FAILED_PRECONDITION' })
      await send(owner.tokens.user)
      const failure: Failure = { reason: 'TOO_MANY_TRIES', code: 'RESOURCE_EXHAUSTED' }
      assert.equal((await assertFails(send(owner.tokens.user), failure)).retryAfterMs, 60_000)
    })
  })

  describe('stepping up by a device', () => {
    it('answers a token of the same session, of level device, for five minutes', async () => {
      const device = await owner.bind(phone)
      const stepped = await owner.stepUp(await owner.proof(device.name, phone))
      const keys = createLocalJWKSet({ keys: [...identity.parts.signingKeys.published()] })
      const { payload } = await jwtVerify(stepped.accessToken, keys, { currentDate: new Date(identity.clock.nowMs()) })
      const { sub, sid, acr, amr, tags, iat, exp } = payload
      const { user, session } = owner.tokens
      assert.deepEqual([sub, sid, acr, amr], [user, session, 'device', ['pwd', 'hwk']])
      assert.deepEqual(tags, ['contact_verified'])
      assert.equal(exp! - iat!, 300)
      assert.equal(Number(stepped.accessExpireTime!.seconds), exp)
      assert.equal((await list())[0]!.useTime!.seconds, BigInt(iat!))
      // The session itself is what it was.
      const { refreshToken } = owner.tokens
      const request = RefreshSessionRequest.fromPartial({ refreshToken })
      const { tokens } = await identity.call(SessionServiceService.refreshSession, request)
      assert.equal(decodeJwt(tokens!.accessToken)['acr'], 'pwd')
    })

    it('takes a proof once, however many bring it at once', async () => {
      const { name } = await owner.bind(phone)
      const proof = await owner.proof(name, phone)
      const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => owner.stepUp(proof)))
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
      await assertFails(owner.stepUp(proof), challengeInvalid)
    })

    it('refuses what another key signed, what was signed for something else, and what is over', async () => {
      const { name } = await owner.bind(phone)
      await assertFails(owner.stepUp(await owner.proof(name, newPhone())), signatureInvalid)
      const { challenge } = await beginChallenge(name)
      const { user, session } = owner.tokens
      const text = Buffer.from(challenge!.challenge).toString('base64url')
      const asBinding = signLines(phone, ['paymesh.identity.v1.FinishBinding', user, session, text])
      await assertFails(owner.stepUp({ challenge: challenge!.name, signature: asBinding }), signatureInvalid)
      const late = await owner.proof(name, phone)
      identity.clock.advance(120_000)
      await assertFails(owner.stepUp(late), challengeInvalid)
    })

    it('refuses a proof in another session and of another user', async () => {
      const { name } = await owner.bind(phone)
      const [session, other] = [await owner.elsewhere(), await TestOwner.create(identity)]
      const proof = await owner.proof(name, phone)
      await assertFails(session.stepUp(proof), challengeInvalid)
      await assertFails(other.stepUp(proof), challengeInvalid)
      await assertFails(beginChallenge(name, other), notFound(name))
      // Nobody spent it.
      await owner.stepUp(proof)
    })

    it('keeps the ten newest challenges of a user', async () => {
      const { name } = await owner.bind(phone)
      const first = await owner.proof(name, phone)
      for (let i = 0; i < 10; i++) {
        identity.clock.advance(1)
        await beginChallenge(name)
      }
      await assertFails(owner.stepUp(first), challengeInvalid)
    })

    it('is refused to a session that ended, and what is malformed is told', async () => {
      const { name } = await owner.bind(phone)
      const proof = await owner.proof(name, phone)
      await assertFails(
        owner.stepUp({ challenge: 'x', signature: Buffer.alloc(0) }),
        invalid('device.challenge', 'device.signature'),
      )
      await assertFails(beginChallenge('x'), invalid('name'))
      const { session } = owner.tokens
      const revoke = RevokeSessionRequest.fromPartial({ name: session })
      await identity.call(SessionServiceService.revokeSession, revoke, owner.as())
      const over: Failure = { reason: 'SESSION_NOT_FOUND', code: 'NOT_FOUND', metadata: { session } }
      await assertFails(owner.stepUp(proof), over)
    })
  })

  describe('unbinding', () => {
    it('makes a lost device worthless, ends the sessions that it stepped up, and tells the contact', async () => {
      const { name } = await owner.bind(phone)
      const onPhone = await owner.elsewhere()
      await onPhone.stepUp(await onPhone.proof(name, phone))
      const [pending, elsewhere] = [await onPhone.proof(name, phone), await owner.elsewhere()]
      await unbind(name)
      assert.deepEqual(await list(), [])
      assert.equal((await identity.told(owner.email)).kind, 'DEVICE_UNBOUND')
      const refresh = (who: TestOwner) =>
        identity.call(
          SessionServiceService.refreshSession,
          RefreshSessionRequest.fromPartial({ refreshToken: who.tokens.refreshToken }),
        )
      await assertFails(refresh(onPhone), { reason: 'REFRESH_TOKEN_INVALID', code: 'UNAUTHENTICATED' })
      await assertFails(elsewhere.stepUp(pending), challengeInvalid)
      await refresh(elsewhere)
      await refresh(owner)
      await assertFails(beginChallenge(name), notFound(name))
      await assertFails(unbind(name), notFound(name))
    })

    it('is for one’s own devices', async () => {
      const other = await TestOwner.create(identity)
      const { name } = await other.bind(phone)
      await assertFails(unbind(name), notFound(name))
      await assertFails(unbind(unknown), notFound(unknown))
      await assertFails(unbind('devices/me'), invalid('name'))
      assert.equal((await list(other)).length, 1)
    })
  })
})
