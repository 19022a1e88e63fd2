import assert from 'node:assert/strict'
import {
  GrantRoleRequest,
  ListGrantsRequest,
  RoleServiceService,
} from '../../../gen/paymesh/identity/v1/role_service.js'
import { admin, assertFails, TestIdentity } from '../test/harness.js'

describe('ListGrants', () => {
  const claims = admin
  let identity: TestIdentity
  let users: string[]
  before(async () => {
    identity = await TestIdentity.start()
    users = (await Promise.all([1, 2, 3].map(() => identity.register()))).map(({ name }) => name).sort()
    for (const user of users) {
      const request = GrantRoleRequest.fromPartial({ user, role: 'auditor' })
      await identity.call(RoleServiceService.grantRole, request, { claims })
    }
  })
  after(() => identity.stop())

  type Request = Parameters<typeof ListGrantsRequest.fromPartial>[0]
  const list = (request: Request) =>
    identity.call(RoleServiceService.listGrants, ListGrantsRequest.fromPartial(request), { claims })
  const all = (): string[] => users.flatMap((user) => [`${user} auditor`, `${user} user`])

  for (const pageSize of [1, 2, 4, 5, 6, 1000]) {
    it(`gives every grant once, by user and role, in pages of ${pageSize}`, async () => {
      const seen: string[] = []
      let pageToken = ''
      do {
        const page = await list({ pageSize, pageToken })
        assert.ok(page.grants.length > 0 && page.grants.length <= pageSize)
        seen.push(...page.grants.map(({ user, role }) => `${user} ${role}`))
        pageToken = page.nextPageToken
      } while (pageToken !== '')
      assert.deepEqual(seen, all())
    })
  }

  it('gives the grants of one user', async () => {
    const { grants, nextPageToken } = await list({ user: users[1]! })
    assert.deepEqual(
      grants.map(({ user, role }) => `${user} ${role}`),
      [`${users[1]} auditor`, `${users[1]} user`],
    )
    assert.equal(nextPageToken, '')
    assert.deepEqual(
      grants.map(({ granter }) => granter),
      [admin.sub, 'peers/identity'],
    )
  })

  it('gives nothing for a user who holds nothing', async () => {
    assert.deepEqual((await list({ user: 'users/0198c0de-0000-7000-8000-0123456789ab' })).grants, [])
  })

  it('leaves out a role that this version does not know', async () => {
    await identity.pool.query(`insert into grants values ($1, 'astronaut', 'peers/operator', now())`, [
      users[0]!.slice(6),
    ])
    assert.equal((await list({})).grants.length, all().length)
  })

  const cases: [string, () => Promise<Request>, string[]][] = [
    ['a page size below 0', () => Promise.resolve({ pageSize: -1 }), ['page_size']],
    ['a page size over 1000', () => Promise.resolve({ pageSize: 1001 }), ['page_size']],
    ['a malformed user', () => Promise.resolve({ user: 'users/me' }), ['user']],
    ['a token of nobody’s', () => Promise.resolve({ pageToken: 'x' }), ['page_token']],
    ['a huge token', () => Promise.resolve({ pageToken: 'x'.repeat(100_000) }), ['page_token']],
    [
      'a token of another filter',
      async () => ({ pageToken: (await list({ pageSize: 1 })).nextPageToken, user: users[0]! }),
      ['page_token'],
    ],
    [
      'everything at once',
      () => Promise.resolve({ pageSize: -1, pageToken: 'x', user: 'x' }),
      ['user', 'page_size', 'page_token'],
    ],
  ]
  for (const [name, request, fields] of cases) {
    it(`says INVALID_FIELD to ${name}`, async () => {
      await assertFails(list(await request()), { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields })
    })
  }
})
