import assert from 'node:assert/strict'
import {
  GrantRoleRequest,
  RevokeRoleRequest,
  RoleServiceService,
} from '../../../gen/paymesh/identity/v1/role_service.js'
import { admin, assertFails, type Failure, TestIdentity } from '../test/harness.js'

describe('RevokeRole', () => {
  const nobody = 'users/0198c0de-0000-7000-8000-0123456789ab'
  const claims = admin
  let identity: TestIdentity
  let ann: string
  before(async () => {
    identity = await TestIdentity.start()
    ann = (await identity.register()).name
  })
  after(() => identity.stop())

  const grant = (user: string, role: string) =>
    identity.call(RoleServiceService.grantRole, GrantRoleRequest.fromPartial({ user, role }), { claims })
  const revoke = (user: string, role: string) =>
    identity.call(RoleServiceService.revokeRole, RevokeRoleRequest.fromPartial({ user, role }), { claims })
  const held = async (): Promise<string[]> =>
    (await identity.parts.grants.list(ann.slice(6), undefined, 10)).map(({ role }) => role)

  it('takes the role and leaves the others', async () => {
    await grant(ann, 'support')
    assert.deepEqual(await held(), ['support', 'user'])
    assert.deepEqual(await revoke(ann, 'support'), {})
    assert.deepEqual(await held(), ['user'])
  })

  it('does it once when asked ten times at once', async () => {
    await grant(ann, 'risk')
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => revoke(ann, 'risk')))
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
  })

  const invalid = (...fields: string[]): Failure => ({ reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields })
  const notFound = (user: string, role: string): Failure => ({
    reason: 'GRANT_NOT_FOUND',
    code: 'NOT_FOUND',
    metadata: { user, role },
  })
  const cases: [string, () => string, string, () => Failure][] = [
    ['nothing', () => '', '', () => invalid('user', 'role')],
    ['an alias', () => 'users/me', 'user', () => invalid('user')],
    ['an unknown role', () => ann, 'root', () => invalid('role')],
    ['a role that the user does not hold', () => ann, 'admin', () => notFound(ann, 'admin')],
    ['an unknown user', () => nobody, 'user', () => notFound(nobody, 'user')],
  ]
  for (const [name, user, role, failure] of cases) {
    it(`fails for ${name}`, async () => {
      await assertFails(revoke(user(), role), failure())
    })
  }
})
