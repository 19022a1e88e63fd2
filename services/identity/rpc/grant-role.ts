import { type GrantRoleRequest, GrantRoleResponse } from '../../../gen/paymesh/identity/v1/role_service.js'
import { type Call, callerName } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { whoCalls } from '../audit/audit-who.js'
import { identityError } from '../errors.js'
import type { GrantStore } from '../roles/grant-store.js'
import { userName } from '../users/user.js'
import { grantMessage, parseGrantRequest } from './grant-message.js'

export interface GrantRoleDeps {
  grants: Pick<GrantStore, 'add'>
  clock: Clock
}

/**
 * Grants a role and records who granted it. Granting again answers the grant that stands, first granter and time
 * included. Fails with INVALID_FIELD, USER_NOT_FOUND, in this order.
 */
export async function grantRole(
  deps: GrantRoleDeps,
  call: Call,
  request: GrantRoleRequest,
): Promise<GrantRoleResponse> {
  const { userId, role } = parseGrantRequest(request)
  const granter = callerName(call.caller)
  const grant = await deps.grants.add({ userId, role, granter, createTimeMs: deps.clock.nowMs() }, whoCalls(call))
  if (grant === undefined) throw identityError('USER_NOT_FOUND', { user: userName(userId) })
  return GrantRoleResponse.fromPartial({ grant: grantMessage(grant) })
}
