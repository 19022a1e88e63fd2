import { type RevokeRoleRequest, RevokeRoleResponse } from '../../../gen/paymesh/identity/v1/role_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { whoCalls } from '../audit/audit-who.js'
import { identityError } from '../errors.js'
import type { GrantStore } from '../roles/grant-store.js'
import { userName } from '../users/user.js'
import { parseGrantRequest } from './grant-message.js'

export interface RevokeRoleDeps {
  grants: Pick<GrantStore, 'remove'>
  clock: Clock
}

/**
 * Takes a role from a user; tokens made before keep it until they end. Fails with INVALID_FIELD, GRANT_NOT_FOUND, in
 * this order; an unknown user holds nothing.
 */
export async function revokeRole(
  deps: RevokeRoleDeps,
  call: Call,
  request: RevokeRoleRequest,
): Promise<RevokeRoleResponse> {
  const { userId, role } = parseGrantRequest(request)
  if (!(await deps.grants.remove({ userId, role }, whoCalls(call), deps.clock.nowMs()))) {
    throw identityError('GRANT_NOT_FOUND', { user: userName(userId), role })
  }
  return RevokeRoleResponse.fromPartial({})
}
