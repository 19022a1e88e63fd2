import assert from 'node:assert/strict'
import {
  ListSessionsRequest,
  RefreshSessionRequest,
  RevokeOtherSessionsRequest,
  RevokeSessionRequest,
  SessionServiceService,
  type Tokens,
} from '../../../gen/paymesh/identity/v1/session_service.js'
import type { User } from '../../../gen/paymesh/identity/v1/user_service.js'
import { assertFails, type Failure, TestIdentity } from '../test/harness.js'

const refreshInvalid: Failure = { reason: 'REFRESH_TOKEN_INVALID', code: 'UNAUTHENTICATED' }
const invalid = (...fields: string[]): Failure => ({ reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields })

describe('ListSessions, RevokeSession and RevokeOtherSessions', () => {
  let identity: TestIdentity
  let user: User & { password: string }
  let tokens: Tokens[]
  before(async () => {
    identity = await TestIdentity.start()
  })
  after(() => identity.stop())
  beforeEach(async () => {
    user = await identity.register()
    tokens = []
    for (let i = 0; i < 3; i++) {
      tokens.push(await identity.signIn(user))
      identity.clock.advance(1000)
    }
  })

  const as = (at = tokens[0]!) => ({ claims: { sub: at.user, sid: at.session } })
  const list = (request = {}, who = as()) =>
    identity.call(SessionServiceService.listSessions, ListSessionsRequest.fromPartial(request), who)
  const names = async () => (await list()).sessions.map(({ name }) => name)
  const revoke = (name: string, who = as()) =>
    identity.call(SessionServiceService.revokeSession, RevokeSessionRequest.fromPartial({ name }), who)
  const revokeOthers = (who = as()) =>
    identity.call(SessionServiceService.revokeOtherSessions, RevokeOtherSessionsRequest.fromPartial({}), who)
  const refresh = ({ refreshToken }: Tokens) =>
    identity.call(SessionServiceService.refreshSession, RefreshSessionRequest.fromPartial({ refreshToken }))

  it('lists the newest first, with the one of the call, by page', async () => {
    await refresh(tokens[2]!)
    const { sessions } = await list()
    const newestFirst = tokens.map(({ session }) => session).toReversed()
    assert.deepEqual(
      sessions.map(({ name }) => name),
      newestFirst,
    )
    assert.deepEqual(
      sessions.map(({ current }) => current),
      [false, false, true],
    )
    assert.deepEqual(
      sessions.map(({ refreshTime }) => refreshTime !== undefined),
      [true, false, false],
    )
    const paged = []
    for (let pageToken = '', pages = 0; pages < 3; pages++) {
      const page = await list({ pageSize: 1, pageToken })
      paged.push(...page.sessions.map(({ name }) => name))
      pageToken = page.nextPageToken
      assert.equal(pageToken === '', pages === 2)
    }
    assert.deepEqual(paged, newestFirst)
  })

  it('refuses a page of somebody else’s list', async () => {
    const { nextPageToken } = await list({ pageSize: 1 })
    const other = await identity.signIn()
    await assertFails(list({ pageToken: nextPageToken }, as(other)), invalid('page_token'))
    await assertFails(list({ pageSize: 1001, pageToken: '?' }), invalid('page_size', 'page_token'))
  })

  it('logs out: the refresh token is worth nothing from then on, the others go on', async () => {
    await revoke('sessions/current')
    await revoke(tokens[0]!.session)
    await assertFails(refresh(tokens[0]!), refreshInvalid)
    await refresh(tokens[1]!)
    assert.deepEqual(await names(), [tokens[2]!.session, tokens[1]!.session])
  })

  it('ends another session of one’s own', async () => {
    await revoke(tokens[1]!.session)
    await assertFails(refresh(tokens[1]!), refreshInvalid)
    const { rows } = await identity.pool.query('select revoke_reason from sessions where id = $1', [
      tokens[1]!.session.slice(9),
    ])
    assert.deepEqual(rows, [{ revoke_reason: 'LOGGED_OUT_ELSEWHERE' }])
  })

  it('ends all others', async () => {
    assert.equal((await revokeOthers()).revokedCount, 2)
    assert.equal((await revokeOthers()).revokedCount, 0)
    await assertFails(refresh(tokens[1]!), refreshInvalid)
    await assertFails(refresh(tokens[2]!), refreshInvalid)
    await refresh(tokens[0]!)
  })

  it('knows nobody else’s sessions, and none that is malformed', async () => {
    const other = await identity.signIn()
    const notFound = (session: string): Failure => ({
      reason: 'SESSION_NOT_FOUND',
      code: 'NOT_FOUND',
      metadata: { session },
    })
    await assertFails(revoke(other.session), notFound(other.session))
    const unknown = 'sessions/0198c0de-0000-7000-8000-0123456789ab'
    await assertFails(revoke(unknown), notFound(unknown))
    await refresh(other)
    for (const name of ['', 'sessions/me', 'users/me', `${unknown}/x`]) await assertFails(revoke(name), invalid('name'))
    await assertFails(revoke('sessions/current', { claims: { sub: user.name, sid: '' } }), invalid('name'))
  })

  it('either refreshes or ends a session, when both come at once', async () => {
    const session = tokens[0]!
    const [refreshed] = await Promise.allSettled([refresh(session), revoke(session.session)])
    if (refreshed.status === 'fulfilled') await assertFails(refresh(refreshed.value.tokens!), refreshInvalid)
    else await assertFails(Promise.reject(refreshed.reason as Error), refreshInvalid)
  })
})
