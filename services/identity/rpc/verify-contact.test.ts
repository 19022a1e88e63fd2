import assert from 'node:assert/strict'
import {
  GetUserRequest,
  SendContactCodeRequest,
  UserServiceService,
  VerifyContactRequest,
} from '../../../gen/paymesh/identity/v1/user_service.js'
import { RefreshSessionRequest, SessionServiceService } from '../../../gen/paymesh/identity/v1/session_service.js'
import { assertFails, type Failure, TestIdentity } from '../test/harness.js'

const codeInvalid: Failure = { reason: 'CODE_INVALID', code: 'UNAUTHENTICATED' }
const tooMany: Failure = { reason: 'TOO_MANY_TRIES', code: 'RESOURCE_EXHAUSTED' }
const invalid = (...fields: string[]): Failure => ({ reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields })

describe('VerifyContact and SendContactCode', () => {
  let identity: TestIdentity
  before(async () => {
    identity = await TestIdentity.start()
  })
  after(() => identity.stop())

  const verify = (user: string, code: string) =>
    identity.call(UserServiceService.verifyContact, VerifyContactRequest.fromPartial({ user, code }))
  const send = (sub: string, name = 'users/me') =>
    identity.call(UserServiceService.sendContactCode, SendContactCodeRequest.fromPartial({ name }), { claims: { sub } })
  const tagsOf = (accessToken: string): unknown => {
    const [, payload] = accessToken.split('.')
    return (JSON.parse(Buffer.from(payload!, 'base64url').toString()) as { tags: unknown }).tags
  }
  const otherThan = (code: string): string => String((Number(code) + 1) % 1_000_000).padStart(6, '0')

  it('verifies once, says so again, and tags the tokens of the next refresh', async () => {
    const user = await identity.register()
    const tokens = await identity.signIn(user)
    assert.deepEqual(tagsOf(tokens.accessToken), [])
    const code = await identity.codeOf(user.email)
    const first = await verify(user.name, code)
    identity.clock.advance(1000)
    assert.deepEqual(await verify(user.name, code), first)
    const request = RefreshSessionRequest.fromPartial({ refreshToken: tokens.refreshToken })
    const refreshed = await identity.call(SessionServiceService.refreshSession, request)
    assert.deepEqual(tagsOf(refreshed.tokens!.accessToken), ['contact_verified'])
    assert.deepEqual(tagsOf((await identity.signIn(user)).accessToken), ['contact_verified'])
    const me = GetUserRequest.fromPartial({ name: 'users/me' })
    const got = await identity.call(UserServiceService.getUser, me, { claims: { sub: user.name } })
    assert.deepEqual(got.user!.contactVerifyTime, first.verifyTime)
  })

  it('says INVALID_FIELD to what is malformed', async () => {
    await assertFails(verify('', ''), invalid('user', 'code'))
    await assertFails(verify('users/me', '12345'), invalid('user', 'code'))
    await assertFails(verify('users/me', '１２３４５６'), invalid('user', 'code'))
  })

  it('says CODE_INVALID to an unknown user, a wrong code and one that is over, in one text', async () => {
    const user = await identity.register()
    const code = await identity.codeOf(user.email)
    const unknown = await assertFails(verify('users/0198c0de-0000-7000-8000-0123456789ab', code), codeInvalid)
    const wrong = await assertFails(verify(user.name, otherThan(code)), codeInvalid)
    const other = await identity.register()
    await assertFails(verify(other.name, code), codeInvalid)
    identity.clock.advance(600_000)
    const over = await assertFails(verify(user.name, code), codeInvalid)
    assert.equal(new Set([unknown, wrong, over].map(({ message }) => message)).size, 1)
  })

  it('takes five tries and no more, however many at once', async () => {
    const user = await identity.register()
    const code = await identity.codeOf(user.email)
    const wrong = await Promise.allSettled(Array.from({ length: 20 }, () => verify(user.name, otherThan(code))))
    assert.ok(wrong.every(({ status }) => status === 'rejected'))
    await assertFails(verify(user.name, code), codeInvalid)
    const { rows } = await identity.pool.query('select try_count from codes where user_id = $1', [user.name.slice(6)])
    assert.deepEqual(rows, [{ try_count: 5 }])
  })

  it('makes the code before worthless by another one', async () => {
    const user = await identity.register()
    const first = await identity.codeOf(user.email)
    const { expireTime } = await send(user.name)
    assert.equal(expireTime!.seconds, BigInt(Math.floor((identity.clock.nowMs() + 600_000) / 1000)))
    const second = await identity.codeOf(user.email)
    if (first !== second) await assertFails(verify(user.name, first), codeInvalid)
    await verify(user.name, second)
    await assertFails(send(user.name), { reason: 'CONTACT_VERIFIED', code: 'FAILED_PRECONDITION' })
  })

  it('lets each further code wait twice as long', async () => {
    const user = await identity.register()
    await send(user.name)
    const waits = []
    for (let i = 0; i < 3; i++) {
      const { retryAfterMs } = await assertFails(send(user.name), tooMany)
      waits.push(retryAfterMs)
      identity.clock.advance(retryAfterMs!)
      await send(user.name)
    }
    assert.deepEqual(waits, [60_000, 120_000, 240_000])
  })

  it('sends codes only to oneself', async () => {
    const [user, other] = [await identity.register(), await identity.register()]
    await assertFails(send(user.name, 'users/7'), invalid('name'))
    await assertFails(send(user.name, other.name), { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' })
    const gone = 'users/0198c0de-0000-7000-8000-0123456789ab'
    const metadata = { user: gone }
    await assertFails(send(gone), { reason: 'USER_NOT_FOUND', code: 'NOT_FOUND', metadata })
  })

  it('gives an address to one user only, who first brings a code that was sent there', async () => {
    const email = 'two@example.com'
    const users = [await identity.register({ email, password: 'number one' })]
    const first = await identity.codeOf(email)
    users.push(await identity.register({ email, password: 'number two' }))
    const second = await identity.codeOf(email)
    await verify(users[1]!.name, second)
    await assertFails(verify(users[0]!.name, first), { reason: 'EMAIL_TAKEN', code: 'ALREADY_EXISTS' })
    await send(users[0]!.name)
    assert.equal((await identity.told(email)).kind, 'ALREADY_REGISTERED')
  })
})
