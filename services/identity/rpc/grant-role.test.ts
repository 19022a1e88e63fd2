import assert from 'node:assert/strict'
import { GrantRoleRequest, RoleServiceService } from '../../../gen/paymesh/identity/v1/role_service.js'
import { roles } from '../roles/roles.js'
import { admin, assertFails, type CallAs, type Failure, TestIdentity } from '../test/harness.js'

describe('GrantRole', () => {
  const nobody = 'users/0198c0de-0000-7000-8000-0123456789ab'
  const operator: CallAs = { peer: 'operator' }
  let identity: TestIdentity
  let ann: string
  before(async () => {
    identity = await TestIdentity.start()
    ann = (await identity.register()).name
  })
  after(() => identity.stop())

  const grant = async (user: string, role: string, as: CallAs = { claims: admin }) => {
    const request = GrantRoleRequest.fromPartial({ user, role })
    return (await identity.call(RoleServiceService.grantRole, request, as)).grant!
  }

  it('records the user who granted, and when', async () => {
    const made = await grant(ann, 'support')
    assert.deepEqual([made.user, made.role, made.granter], [ann, 'support', admin.sub])
    assert.equal(Number(made.createTime!.seconds), Math.floor(identity.clock.nowMs() / 1000))
  })

  it('records an operator’s certificate as the granter', async () => {
    assert.equal((await grant(ann, 'risk', operator)).granter, 'peers/operator')
  })

  it('answers the grant that stands when it is granted again', async () => {
    const first = await grant(ann, 'auditor')
    identity.clock.advance(5000)
    assert.deepEqual(await grant(ann, 'auditor', operator), first)
  })

  it('grants once when asked ten times at once', async () => {
    const made = await Promise.all(Array.from({ length: 10 }, () => grant(ann, 'admin')))
    assert.equal(new Set(made.map((one) => JSON.stringify({ ...one, createTime: one.createTime!.nanos }))).size, 1)
  })

  for (const role of roles) {
    it(`knows the role ${role}`, async () => {
      assert.equal((await grant(ann, role)).role, role)
    })
  }

  const invalid = (...fields: string[]): Failure => ({ reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields })
  const cases: [string, string, string, Failure][] = [
    ['nothing', '', '', invalid('user', 'role')],
    ['an alias', 'users/me', 'support', invalid('user')],
    ['a malformed name', 'users/1', 'support', invalid('user')],
    ['an unknown role', nobody, 'root', invalid('role')],
    ['a role in capitals', nobody, 'Admin', invalid('role')],
    ['the name of something that every object has', nobody, 'constructor', invalid('role')],
    ['an unknown user', nobody, 'support', { reason: 'USER_NOT_FOUND', code: 'NOT_FOUND', metadata: { user: nobody } }],
  ]
  for (const [name, user, role, failure] of cases) {
    it(`says ${failure.reason} to ${name}`, async () => {
      await assertFails(grant(user, role), failure)
    })
  }
})
