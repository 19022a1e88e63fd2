import assert from 'node:assert/strict'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { CreateSessionRequest, SessionServiceService } from '../../../gen/paymesh/identity/v1/session_service.js'
import { GrantRoleRequest, RoleServiceService } from '../../../gen/paymesh/identity/v1/role_service.js'
import { permissionsOf } from '../roles/roles.js'
import { assertFails, type Failure, TestIdentity, turnAway } from '../test/harness.js'

describe('CreateSession', () => {
  let identity: TestIdentity
  let busy: TestIdentity
  before(async () => {
    identity = await TestIdentity.start()
    busy = await TestIdentity.start(turnAway)
    await identity.register({ email: 'ann@example.com', password: 'correct horse' })
  })
  after(async () => {
    await identity.stop()
    await busy.stop()
  })

  type Request = Parameters<typeof CreateSessionRequest.fromPartial>[0]
  const good: Request = { email: 'ann@example.com', password: 'correct horse' }
  const create = async (request: Request, at = identity) =>
    (await at.call(SessionServiceService.createSession, CreateSessionRequest.fromPartial(request))).tokens!

  const verify = async (token: string) =>
    await jwtVerify(token, createLocalJWKSet({ keys: [...identity.parts.signingKeys.published()] }), {
      issuer: 'https://paymesh.test',
      audience: 'paymesh',
      algorithms: ['EdDSA'],
      currentDate: new Date(identity.clock.nowMs()),
    })

  it('answers tokens for the user and a new session', async () => {
    const [one, two] = [await create(good), await create({ ...good, email: 'ANN@EXAMPLE.COM' })]
    assert.match(one.session, /^sessions\/[0-9a-f-]{36}$/)
    assert.notEqual(one.session, two.session)
    assert.equal(one.user, two.user)
    assert.match(one.refreshToken, /^pmr_[A-Za-z0-9_-]{43}$/)
    const dayMs = 86_400_000
    assert.equal(Number(one.refreshExpireTime!.seconds), Math.floor((identity.clock.nowMs() + 30 * dayMs) / 1000))
  })

  it('signs an access token that the key set verifies, with exactly the documented claims', async () => {
    const tokens = await create(good)
    const { payload, protectedHeader } = await verify(tokens.accessToken)
    const iat = Math.floor(identity.clock.nowMs() / 1000)
    const { jti, ...claims } = payload
    assert.match(jti!, /^[0-9a-f-]{36}$/)
    assert.deepEqual(claims, {
      iss: 'https://paymesh.test',
      aud: 'paymesh',
      sub: tokens.user,
      sid: tokens.session,
      roles: ['user'],
      permissions: ['intents:read', 'intents:write', 'wallet:read', 'wallet:write'],
      tags: [],
      acr: 'pwd',
      amr: ['pwd'],
      iat,
      exp: iat + 900,
    })
    assert.equal(tokens.accessExpireTime!.seconds, BigInt(iat + 900))
    const [key] = identity.parts.signingKeys.published()
    assert.deepEqual(protectedHeader, { alg: 'EdDSA', kid: key!.kid, typ: 'JWT' })
  })

  it('puts nothing personal into the access token', async () => {
    const { accessToken } = await create(good)
    const [, payload] = accessToken.split('.')
    assert.doesNotMatch(Buffer.from(payload!, 'base64url').toString(), /ann|example\.com/i)
  })

  it('puts granted roles and their permissions into the token', async () => {
    const user = await identity.register()
    const request = GrantRoleRequest.fromPartial({ user: user.name, role: 'operator' })
    await identity.call(RoleServiceService.grantRole, request, { peer: 'operator' })
    const { payload } = await verify((await identity.signIn(user)).accessToken)
    assert.deepEqual(payload['roles'], ['operator', 'user'])
    assert.deepEqual(payload['permissions'], permissionsOf(['operator', 'user']))
  })

  it('takes another spelling of the same password', async () => {
    const user = await identity.register({ password: 'caf\u00e9 noir' })
    await create({ email: user.email, password: 'cafe\u0301 noir' })
  })

  const invalid = (...fields: string[]): Failure => ({ reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields })
  const wrong: Failure = { reason: 'WRONG_CREDENTIALS', code: 'UNAUTHENTICATED' }
  const cases: [string, Request, boolean, Failure][] = [
    ['nothing', {}, false, invalid('email', 'password')],
    ['a malformed address', { ...good, email: 'ann' }, true, invalid('email')],
    ['an overlong password', { ...good, password: 'p'.repeat(129) }, true, invalid('password')],
    ['a password with a control character', { ...good, password: 'a\tb' }, true, invalid('password')],
    ['too many at once', { ...good, password: 'wrong' }, true, { reason: 'OVERLOADED', code: 'RESOURCE_EXHAUSTED' }],
    ['an unknown address', { ...good, email: 'bob@example.com' }, false, wrong],
    ['a wrong password', { ...good, password: 'correct house' }, false, wrong],
    ['a short password', { ...good, password: 'c' }, false, wrong],
  ]
  for (const [name, request, overloaded, failure] of cases) {
    it(`says ${failure.reason} to ${name}`, async () => {
      const error = await assertFails(create(request, overloaded ? busy : identity), failure)
      assert.equal(error.retryAfterMs, failure.reason === 'OVERLOADED' ? 1000 : undefined)
    })
  }

  it('gives the same text for an unknown address and a wrong password', async () => {
    const unknown = await assertFails(create({ ...good, email: 'bob@example.com' }), wrong)
    const mistaken = await assertFails(create({ ...good, password: 'correct house' }), wrong)
    assert.equal(unknown.message, mistaken.message)
  })
})
