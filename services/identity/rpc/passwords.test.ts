import assert from 'node:assert/strict'
import {
  RefreshSessionRequest,
  SessionServiceService,
  type Tokens,
} from '../../../gen/paymesh/identity/v1/session_service.js'
import {
  ChangePasswordRequest,
  RequestPasswordResetRequest,
  ResetPasswordRequest,
  UserServiceService,
} from '../../../gen/paymesh/identity/v1/user_service.js'
import { assertFails, type Failure, TestIdentity, turnAway } from '../test/harness.js'

const wrong: Failure = { reason: 'WRONG_CREDENTIALS', code: 'UNAUTHENTICATED' }
const codeInvalid: Failure = { reason: 'CODE_INVALID', code: 'UNAUTHENTICATED' }
const refreshInvalid: Failure = { reason: 'REFRESH_TOKEN_INVALID', code: 'UNAUTHENTICATED' }
const overloaded: Failure = { reason: 'OVERLOADED', code: 'RESOURCE_EXHAUSTED' }
const invalid = (...fields: string[]): Failure => ({ reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields })

describe('changing and resetting a password', () => {
  let identity: TestIdentity
  let busy: TestIdentity
  before(async () => {
    identity = await TestIdentity.start()
    busy = await TestIdentity.start(turnAway)
  })
  after(async () => {
    await identity.stop()
    await busy.stop()
  })

  const change = (tokens: Pick<Tokens, 'user' | 'session'>, request = {}) =>
    identity.call(
      UserServiceService.changePassword,
      ChangePasswordRequest.fromPartial({
        name: 'users/me',
        currentPassword: 'correct horse',
        newPassword: 'another horse',
        ...request,
      }),
      { claims: { sub: tokens.user, sid: tokens.session } },
    )
  const requestReset = (email: string) =>
    identity.call(UserServiceService.requestPasswordReset, RequestPasswordResetRequest.fromPartial({ email }))
  const reset = (email: string, code: string, newPassword = 'a third horse', at = identity) =>
    at.call(UserServiceService.resetPassword, ResetPasswordRequest.fromPartial({ email, code, newPassword }))
  const refresh = ({ refreshToken }: Tokens) =>
    identity.call(SessionServiceService.refreshSession, RefreshSessionRequest.fromPartial({ refreshToken }))

  describe('ChangePassword', () => {
    it('takes the new password from then on, ends the other sessions and tells the verified contact', async () => {
      const user = await identity.registerVerified()
      const [here, elsewhere] = [await identity.signIn(user), await identity.signIn(user)]
      await change(here)
      await assertFails(identity.signIn(user), wrong)
      await identity.signIn({ ...user, password: 'another horse' })
      await assertFails(refresh(elsewhere), refreshInvalid)
      await refresh(here)
      assert.equal((await identity.told(user.email)).kind, 'PASSWORD_CHANGED')
    })

    it('does not write to a contact that nobody verified', async () => {
      const user = await identity.register()
      await change(await identity.signIn(user))
      assert.equal((await identity.told(user.email)).kind, 'CONTACT_CODE')
    })

    it('happens once, when two change it at the same moment', async () => {
      const tokens = await identity.signIn()
      const outcomes = await Promise.allSettled([change(tokens), change(tokens, { newPassword: 'yet another' })])
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
    })

    it('says what is wrong, in this order', async () => {
      const tokens = await identity.signIn()
      const other = await identity.register()
      await assertFails(change(tokens, { name: '', newPassword: 'x' }), invalid('name'))
      await assertFails(change(tokens, { name: other.name }), { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' })
      await assertFails(
        change(tokens, { currentPassword: '', newPassword: 'short' }),
        invalid('current_password', 'new_password'),
      )
      const gone = 'users/0198c0de-0000-7000-8000-0123456789ab'
      const notFound: Failure = { reason: 'USER_NOT_FOUND', code: 'NOT_FOUND', metadata: { user: gone } }
      await assertFails(change({ user: gone, session: '' }), notFound)
      await assertFails(change(tokens, { currentPassword: 'wrong horse' }), wrong)
    })
  })

  describe('ResetPassword', () => {
    it('sets a password by the code, once, ends every session and tells the contact', async () => {
      const user = await identity.registerVerified()
      const tokens = await identity.signIn(user)
      await requestReset(user.email.toUpperCase())
      const code = await identity.codeOf(user.email.toUpperCase())
      await reset(user.email, code)
      await assertFails(reset(user.email, code, 'a fourth horse'), codeInvalid)
      await assertFails(identity.signIn(user), wrong)
      await identity.signIn({ ...user, password: 'a third horse' })
      await assertFails(refresh(tokens), refreshInvalid)
      assert.equal((await identity.told(user.email)).kind, 'PASSWORD_CHANGED')
    })

    it('answers alike for an address that nobody verified, and tells nobody', async () => {
      const user = await identity.register()
      await identity.codeOf(user.email)
      const told = identity.notified.length
      assert.deepEqual(await requestReset(user.email), await requestReset('nobody-here@example.com'))
      await identity.parts.delivery.deliver()
      assert.equal(identity.notified.length, told)
      await assertFails(reset(user.email, '123456'), codeInvalid)
      await assertFails(reset('nobody-here@example.com', '123456'), codeInvalid)
      await identity.signIn(user)
    })

    it('takes no code of another purpose, none that is over and none after five tries', async () => {
      const user = await identity.registerVerified()
      const contactCode = await identity.codeOf(user.email)
      await requestReset(user.email)
      const code = await identity.codeOf(user.email)
      if (code !== contactCode) await assertFails(reset(user.email, contactCode), codeInvalid)
      const wrongCode = code === '000000' ? '000001' : '000000'
      for (let i = 0; i < 5; i++) await assertFails(reset(user.email, wrongCode), codeInvalid)
      await assertFails(reset(user.email, code), codeInvalid)
      await requestReset(user.email)
      const late = await identity.codeOf(user.email)
      identity.clock.advance(600_000)
      await assertFails(reset(user.email, late), codeInvalid)
    })

    it('spends a code once, when two bring it at the same moment', async () => {
      const user = await identity.registerVerified()
      await requestReset(user.email)
      const code = await identity.codeOf(user.email)
      const outcomes = await Promise.allSettled(
        ['one horse', 'two horses'].map((next) => reset(user.email, code, next)),
      )
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
    })

    it('says what is wrong, in this order', async () => {
      await assertFails(requestReset('x'), invalid('email'))
      await assertFails(reset('x', '1', 'short'), invalid('email', 'code', 'new_password'))
      await assertFails(reset('a@example.com', '123456', 'a third horse', busy), overloaded)
    })

    it('slows requests for one address down, known or not', async () => {
      const failure: Failure = { reason: 'TOO_MANY_TRIES', code: 'RESOURCE_EXHAUSTED' }
      const user = await identity.registerVerified()
      for (let i = 0; i < 4; i++) await requestReset(user.email)
      for (let i = 0; i < 5; i++) await requestReset('asked-often@example.com')
      for (const email of [user.email, 'asked-often@example.com']) {
        assert.equal((await assertFails(requestReset(email), failure)).retryAfterMs, 60_000)
      }
    })
  })
})
