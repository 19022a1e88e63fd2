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
  const time = { seconds: 1n, nanos: 0 }
  const times = { createTime: time, contactVerifyTime: time }
  const cases: [string, Request, boolean, Failure][] = [
    ['nothing at all', {}, false, invalid('user', 'password')],
    ['no user', { password: 'correct horse' }, false, invalid('user')],
    ['an empty user and no password', { user: {} }, false, invalid('user.email', 'password')],
    [
      'what is not the caller’s to say',
      {
        ...good,
        user: { email: 'eve@example.com', name: 'users/x', roles: ['admin'], ...times },
      },
      false,
      invalid('user.name', 'user.roles', 'user.create_time', 'user.contact_verify_time'),
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
    ['too many at once', good, true, { reason: 'OVERLOADED', code: 'RESOURCE_EXHAUSTED' }],
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

  it('sends a code to the address, good for ten minutes', async () => {
    const { email } = await register({ user: { email: 'Code@Example.com' }, password: 'correct horse' })
    const told = await identity.told(email)
    assert.equal(told.kind, 'CONTACT_CODE')
    assert.match(told.code!.reveal(), /^\d{6}$/)
    assert.equal(told.expireTimeMs, identity.clock.nowMs() + 600_000)
  })

  it('answers alike whether the address is another’s or not, and tells its owner, who keeps it', async () => {
    const owner = await identity.registerVerified({ email: 'owner@example.com', password: 'right of owner' })
    const shapes = []
    for (const email of ['Owner@Example.com', 'nobody@example.com']) {
      const { user } = await identity.call(
        UserServiceService.registerUser,
        RegisterUserRequest.fromPartial({ user: { email }, password: 'a stranger’s' }),
      )
      assert.notEqual(user!.name, owner.name)
      const statements = await statementsOf(user!.name.slice(6))
      shapes.push({ ...user, name: '', email: '', statements })
      // Signing in tells nothing either.
      const tokens = await identity.signIn({ email, password: 'a stranger’s' })
      assert.equal(tokens.user, user!.name)
    }
    assert.deepEqual(shapes[0], shapes[1])
    const told = await identity.told('Owner@Example.com')
    assert.deepEqual([told.kind, told.code], ['ALREADY_REGISTERED', undefined])
    assert.equal((await identity.signIn(owner)).user, owner.name)
  })

  // The rows that a registration left: as many of each kind, whoever holds the address.
  const statementsOf = async (id: string): Promise<unknown> => {
    const { rows } = await identity.pool.query<object>(
      `select (select count(*) from codes where user_id = $1)::int as codes,
        (select count(*) from passwords where user_id = $1)::int as passwords,
        (select count(*) from grants where user_id = $1)::int as grants`,
      [id],
    )
    return rows[0]
  }

  it('finds a user again who did not verify, by address and password, and sends another code', async () => {
    const first = await register({
      user: { email: 'again@example.com', displayName: 'Ann' },
      password: 'correct horse',
    })
    const code = await identity.codeOf(first.email)
    const second = await register({ user: { email: 'Again@example.com' }, password: 'correct horse' })
    assert.deepEqual(second, first)
    assert.notEqual(await identity.codeOf('Again@example.com'), code)
    const other = await register({ user: { email: 'again@example.com' }, password: 'another horse' })
    assert.notEqual(other.name, first.name)
  })

  it('never lets what was registered before into the account of who verifies', async () => {
    const squatter = await identity.register({ email: 'mine@example.com', password: 'of the squatter' })
    const owner = await identity.registerVerified({ email: 'mine@example.com', password: 'of the owner' })
    assert.notEqual(owner.name, squatter.name)
    assert.equal((await identity.signIn(owner)).user, owner.name)
    assert.equal((await identity.signIn(squatter)).user, squatter.name)
  })

  it('says TOO_MANY_TRIES after five for one address, known or not, and admits again later', async () => {
    await identity.registerVerified({ email: 'known@example.com' })
    const waits = []
    for (const [email, free] of [
      ['known@example.com', 4],
      ['unknown@example.com', 5],
    ] as const) {
      const attempt = (password: string) => register({ user: { email }, password })
      for (let i = 0; i < free; i++) await attempt(`password ${i}`)
      const failure: Failure = { reason: 'TOO_MANY_TRIES', code: 'RESOURCE_EXHAUSTED' }
      waits.push((await assertFails(attempt('one too many'), failure)).retryAfterMs)
      await assertFails(attempt('one too many'), failure)
    }
    assert.deepEqual(waits, [60_000, 60_000])
    identity.clock.advance(60_000)
    await register({ user: { email: 'known@example.com' }, password: 'one too many' })
  })

  it('makes whole users, however many ask for one address at once', async () => {
    const attempts = Array.from({ length: 10 }, (_, i) =>
      register({ user: { email: 'race@example.com' }, password: `password ${i}` }),
    )
    const outcomes = await Promise.allSettled(attempts)
    assert.equal(outcomes.filter((outcome) => outcome.status === 'fulfilled').length, 5)
    const { rows } = await identity.pool.query(`select (select count(*) from users)::int as users,
      (select count(*) from data_keys)::int as keys, (select count(*) from passwords)::int as passwords`)
    const [counts] = rows as { users: number; keys: number; passwords: number }[]
    assert.deepEqual([counts!.keys, counts!.passwords], [counts!.users, counts!.users])
  })
})
