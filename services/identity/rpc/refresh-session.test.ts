import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import { GrantRoleRequest, RoleServiceService } from '../../../gen/paymesh/identity/v1/role_service.js'
import { RefreshSessionRequest, SessionServiceService } from '../../../gen/paymesh/identity/v1/session_service.js'
import { assertFails, type Failure, TestIdentity } from '../test/harness.js'

const dayMs = 86_400_000
const invalid: Failure = { reason: 'REFRESH_TOKEN_INVALID', code: 'UNAUTHENTICATED' }
const reused: Failure = { reason: 'REFRESH_TOKEN_REUSED', code: 'UNAUTHENTICATED' }

describe('RefreshSession', () => {
  let identity: TestIdentity
  before(async () => {
    identity = await TestIdentity.start()
  })
  after(() => identity.stop())

  const refresh = async (refreshToken: string) => {
    const request = RefreshSessionRequest.fromPartial({ refreshToken })
    return (await identity.call(SessionServiceService.refreshSession, request)).tokens!
  }

  it('answers new tokens of the same session, again and again', async () => {
    const first = await identity.signIn()
    let tokens = first
    const seen = new Set([first.refreshToken])
    for (let i = 0; i < 5; i++) {
      tokens = await refresh(tokens.refreshToken)
      assert.ok(!seen.has(tokens.refreshToken))
      seen.add(tokens.refreshToken)
      assert.deepEqual([tokens.session, tokens.user], [first.session, first.user])
    }
    assert.notEqual(decodeJwt(first.accessToken).jti, decodeJwt(tokens.accessToken).jti)
  })

  it('brings a role that was granted meanwhile', async () => {
    const tokens = await identity.signIn()
    const request = GrantRoleRequest.fromPartial({ user: tokens.user, role: 'merchant' })
    await identity.call(RoleServiceService.grantRole, request, { peer: 'operator' })
    assert.deepEqual(decodeJwt((await refresh(tokens.refreshToken)).accessToken)['roles'], ['merchant', 'user'])
  })

  it('stores no token, only its hash', async () => {
    const tokens = await identity.signIn()
    const { rows } = await identity.pool.query('select * from refresh_tokens')
    assert.ok(!JSON.stringify(rows).includes(tokens.refreshToken.slice(4)))
  })

  describe('with a token that was used', () => {
    it('revokes the whole session and says so in the log', async () => {
      const first = await identity.signIn()
      const second = await refresh(first.refreshToken)
      const third = await refresh(second.refreshToken)
      await assertFails(refresh(first.refreshToken), reused)
      await assertFails(refresh(third.refreshToken), invalid)
      await assertFails(refresh(second.refreshToken), reused)
      const { rows } = await identity.pool.query('select revoke_reason from sessions where id = $1', [
        first.session.slice(9),
      ])
      assert.deepEqual(rows, [{ revoke_reason: 'REFRESH_TOKEN_REUSED' }])
      const warnings = identity.logged.filter((line) => line.includes('came again') && line.includes(first.session))
      assert.ok(warnings.length >= 1)
    })

    it('keeps the time of the first revocation', async () => {
      const first = await identity.signIn()
      await refresh(first.refreshToken)
      await assertFails(refresh(first.refreshToken), reused)
      const revokedAt = identity.clock.nowMs()
      identity.clock.advance(60_000)
      await assertFails(refresh(first.refreshToken), reused)
      const { rows } = await identity.pool.query('select revoke_time from sessions where id = $1', [
        first.session.slice(9),
      ])
      assert.deepEqual(rows, [{ revoke_time: new Date(revokedAt) }])
    })

    it('leaves the same user’s other session alone', async () => {
      const user = await identity.register()
      const [phone, tablet] = [await identity.signIn(user), await identity.signIn(user)]
      await refresh(phone.refreshToken)
      await assertFails(refresh(phone.refreshToken), reused)
      await refresh(tablet.refreshToken)
    })
  })

  it('lets exactly one of twenty concurrent calls win, and then trusts none', async () => {
    const tokens = await identity.signIn()
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => refresh(tokens.refreshToken)))
    const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    assert.equal(won.length, 1)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') await assertFails(Promise.reject(outcome.reason as Error), reused)
    }
    await assertFails(refresh(won[0]!.refreshToken), invalid)
    const { rows } = await identity.pool.query('select 1 from refresh_tokens where session_id = $1', [
      tokens.session.slice(9),
    ])
    assert.equal(rows.length, 2)
  })

  it('never leaves a session live when a replay and a refresh of its successor meet', async () => {
    for (let round = 0; round < 10; round++) {
      const first = await identity.signIn()
      const second = await refresh(first.refreshToken)
      const [, after] = await Promise.allSettled([refresh(first.refreshToken), refresh(second.refreshToken)])
      if (after.status === 'fulfilled') await assertFails(refresh(after.value.refreshToken), invalid)
    }
  })

  it('ends with the session, however often it was refreshed', async () => {
    let tokens = await identity.signIn()
    const endMs = identity.clock.nowMs() + 90 * dayMs
    for (const days of [29, 29, 29]) {
      identity.clock.advance(days * dayMs)
      tokens = await refresh(tokens.refreshToken)
    }
    assert.equal(Number(tokens.refreshExpireTime!.seconds), Math.floor(endMs / 1000))
    identity.clock.advance(3 * dayMs - 60_000)
    tokens = await refresh(tokens.refreshToken)
    assert.equal(Number(tokens.accessExpireTime!.seconds), Math.floor(endMs / 1000))
    identity.clock.advance(60_000)
    await assertFails(refresh(tokens.refreshToken), invalid)
  })

  const field: Failure = { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields: ['refresh_token'] }
  const cases: [string, () => Promise<string>, Failure][] = [
    ['no token', () => Promise.resolve(''), field],
    ['a huge token', () => Promise.resolve('x'.repeat(100_000)), field],
    ['a token with a line break', () => Promise.resolve('pmr_\n'), field],
    ['a token never given', () => Promise.resolve(`pmr_${'A'.repeat(43)}`), invalid],
    ['an access token', async () => (await identity.signIn()).accessToken.slice(0, 200), invalid],
    [
      'a token of thirty days',
      async () => {
        const { refreshToken } = await identity.signIn()
        identity.clock.advance(30 * dayMs)
        return refreshToken
      },
      invalid,
    ],
    [
      'a used token of thirty days',
      async () => {
        const { refreshToken } = await identity.signIn()
        await refresh(refreshToken)
        identity.clock.advance(30 * dayMs)
        return refreshToken
      },
      invalid,
    ],
    [
      'a used token',
      async () => {
        const { refreshToken } = await identity.signIn()
        await refresh(refreshToken)
        return refreshToken
      },
      reused,
    ],
  ]
  for (const [name, token, failure] of cases) {
    it(`says ${failure.reason} to ${name}`, async () => {
      await assertFails(refresh(await token()), failure)
    })
  }

  it('answers the same after expired rows were deleted', async () => {
    const { refreshToken, session } = await identity.signIn()
    await refresh(refreshToken)
    identity.clock.advance(90 * dayMs)
    const kept = await identity.signIn()
    await assertFails(refresh(refreshToken), invalid)
    while ((await identity.parts.sessions.deleteExpired(identity.clock.nowMs(), 3)) > 0);
    await assertFails(refresh(refreshToken), invalid)
    const { rows } = await identity.pool.query('select id from sessions where id = $1', [session.slice(9)])
    assert.equal(rows.length, 0)
    await refresh(kept.refreshToken)
  })
})
