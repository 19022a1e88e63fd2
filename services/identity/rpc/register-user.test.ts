import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { RegisterUserRequest, UserServiceService } from '../../../gen/paymesh/identity/v1/user_service.js'
import type { RpcError } from '../../runtime/rpc-error.js'
import { assertFails, type Failure, neverEnding, TestIdentity, turnAway } from '../test/harness.js'

describe('RegisterUser', () => {
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

  type Request = Parameters<typeof RegisterUserRequest.fromPartial>[0]
  const good: Request = { user: { email: 'taken@example.com', displayName: 'Ann' }, password: 'correct horse' }
  const register = async (request: Request, at = identity) =>
    (await at.call(UserServiceService.registerUser, RegisterUserRequest.fromPartial(request))).user!

  it('answers the user with a name, the role user and the time', async () => {
    const user = await register(good)
    assert.match(user.name, /^users\/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.equal(user.email, 'taken@example.com')
    assert.equal(user.displayName, 'Ann')
    assert.deepEqual(user.roles, ['user'])
    const { seconds, nanos } = user.createTime!
    assert.equal(Number(seconds) * 1000 + nanos / 1e6, identity.clock.nowMs())
  })

  const invalid = (...fields: string[]): Failure => ({ reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields })
  const cases: [string, Request, boolean, Failure][] = [
    ['nothing at all', {}, false, invalid('user', 'password')],
    ['no user', { password: 'correct horse' }, false, invalid('user')],
    ['an empty user and no password', { user: {} }, false, invalid('user.email', 'password')],
    [
      'what is not the caller’s to say',
      {
        ...good,
        user: { email: 'eve@example.com', name: 'users/x', roles: ['admin'], createTime: { seconds: 1n, nanos: 0 } },
      },
      false,
      invalid('user.name', 'user.roles', 'user.create_time'),
    ],
    ['a malformed address', { ...good, user: { email: 'ann' } }, false, invalid('user.email')],
    [
      'an overlong address',
      { ...good, user: { email: `${'a'.repeat(243)}@example.com` } },
      false,
      invalid('user.email'),
    ],
    [
      'an overlong name',
      { ...good, user: { email: 'a@b.example', displayName: 'x'.repeat(64) } },
      false,
      invalid('user.display_name'),
    ],
    [
      'a name with a line break',
      { ...good, user: { email: 'a@b.example', displayName: 'A\nB' } },
      false,
      invalid('user.display_name'),
    ],
    ['a short password', { ...good, password: 'a1b2c3d' }, false, invalid('password')],
    ['an overlong password', { ...good, password: 'p'.repeat(129) }, false, invalid('password')],
    ['a password with a NUL', { ...good, password: 'password\u0000' }, false, invalid('password')],
    [
      'everything wrong at once',
      { user: { email: 'a', displayName: '\u0000' }, password: '\t' },
      true,
      invalid('user.email', 'user.display_name', 'password'),
    ],
    ['too many at once, and the address taken', good, true, { reason: 'OVERLOADED', code: 'RESOURCE_EXHAUSTED' }],
    ['a taken address', good, false, { reason: 'EMAIL_TAKEN', code: 'ALREADY_EXISTS' }],
    [
      'a taken address in capitals',
      { ...good, user: { email: 'TAKEN@Example.COM' } },
      false,
      { reason: 'EMAIL_TAKEN', code: 'ALREADY_EXISTS' },
    ],
  ]
  for (const [name, request, overloaded, failure] of cases) {
    it(`says ${failure.reason} to ${name}`, async () => {
      const error = await assertFails(register(request, overloaded ? busy : identity), failure)
      assert.equal(error.retryAfterMs, failure.reason === 'OVERLOADED' ? 1000 : undefined)
    })
  }

  it('leaves nothing behind when it fails', async () => {
    const { rows } = await busy.pool.query('select count(*)::int as count from users')
    assert.deepEqual(rows, [{ count: 0 }])
  })

  it('registers nobody when the deadline passes first, and frees the place in the queue', async () => {
    const slow = await TestIdentity.start(neverEnding)
    const request = RegisterUserRequest.fromPartial(good)
    for (let attempt = 0; attempt < 2; attempt++) {
      const call = slow.call(UserServiceService.registerUser, request, { timeoutMs: 100 })
      await assert.rejects(call, (error: RpcError) => error.code === status.DEADLINE_EXCEEDED)
    }
    const { rows } = await slow.pool.query('select 1 from users')
    assert.equal(rows.length, 0)
    await slow.stop()
  })

  it('registers an address once, however many ask at once', async () => {
    const request = { user: { email: 'race@example.com' }, password: 'correct horse' }
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => register(request)))
    assert.equal(outcomes.filter((outcome) => outcome.status === 'fulfilled').length, 1)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') {
        await assertFails(Promise.reject(outcome.reason as Error), { reason: 'EMAIL_TAKEN', code: 'ALREADY_EXISTS' })
      }
    }
    const { rows } = await identity.pool.query(`select (select count(*) from users)::int as users,
      (select count(*) from data_keys)::int as keys, (select count(*) from passwords)::int as passwords`)
    const [counts] = rows as { users: number; keys: number; passwords: number }[]
    assert.deepEqual([counts!.keys, counts!.passwords], [counts!.users, counts!.users])
  })
})
