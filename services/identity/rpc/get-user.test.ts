import assert from 'node:assert/strict'
import { GetUserRequest, type User, UserServiceService } from '../../../gen/paymesh/identity/v1/user_service.js'
import { assertFails, type Failure, TestIdentity } from '../test/harness.js'

describe('GetUser', () => {
  const nobody = 'users/0198c0de-0000-7000-8000-0123456789ab'
  let identity: TestIdentity
  let ann: User
  let bob: User
  before(async () => {
    identity = await TestIdentity.start()
    ann = await identity.register({ email: 'Ann@example.com', displayName: 'Ann Łódź' })
    bob = await identity.register({ displayName: '' })
  })
  after(() => identity.stop())

  const get = async (name: string, sub: string) =>
    (await identity.call(UserServiceService.getUser, GetUserRequest.fromPartial({ name }), { claims: { sub } })).user!

  it('answers what was registered, the address as it was written', async () => {
    const user = await get(ann.name, ann.name)
    const { name, email, displayName, roles, createTime } = ann
    assert.deepEqual(user, { name, email, displayName, roles, createTime, contactVerifyTime: undefined })
    assert.equal(user.email, 'Ann@example.com')
  })

  it('knows the caller as users/me', async () => {
    assert.equal((await get('users/me', bob.name)).name, bob.name)
    assert.equal((await get('users/me', ann.name)).displayName, 'Ann Łódź')
  })

  const invalid: Failure = { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields: ['name'] }
  const notOwner: Failure = { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' }
  const notFound: Failure = { reason: 'USER_NOT_FOUND', code: 'NOT_FOUND', metadata: { user: nobody } }
  const cases: [string, () => string, () => string, Failure][] = [
    ['no name', () => '', () => ann.name, invalid],
    ['a name of something else', () => ann.name.replace('users', 'wallets'), () => ann.name, invalid],
    ['a name in capitals', () => ann.name.toUpperCase(), () => ann.name, invalid],
    ['an alias that is none', () => 'users/you', () => ann.name, invalid],
    ['a longer name', () => `${ann.name}/kyc`, () => ann.name, invalid],
    ['a huge name', () => `users/${'a'.repeat(100_000)}`, () => ann.name, invalid],
    ['another user', () => bob.name, () => ann.name, notOwner],
    ['a user who does not exist', () => nobody, () => ann.name, notOwner],
    ['a token that outlived its user', () => nobody, () => nobody, notFound],
    ['users/me of a token that outlived its user', () => 'users/me', () => nobody, notFound],
  ]
  for (const [title, name, sub, failure] of cases) {
    it(`says ${failure.reason} to ${title}`, async () => {
      await assertFails(get(name(), sub()), failure)
    })
  }

  it('gives the same text for another user and for nobody', async () => {
    const [other, none] = [
      await assertFails(get(bob.name, ann.name), notOwner),
      await assertFails(get(nobody, ann.name), notOwner),
    ]
    assert.equal(other.message, none.message)
  })

  it('does not find a user whose data key was dropped', async () => {
    const eve = await identity.register()
    await identity.pool.query('delete from data_keys where user_id = $1', [eve.name.slice(6)])
    await assertFails(get('users/me', eve.name), { ...notFound, metadata: { user: eve.name } })
  })
})
