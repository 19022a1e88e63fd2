import assert from 'node:assert/strict'
import { Grant as GrantMessage } from '../../../gen/paymesh/identity/v1/role_service.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain } from '../errors.js'
import type { Grant } from '../roles/grant-store.js'
import { take } from '../parsed.js'
import { parseRole, type Role } from '../roles/roles.js'
import { parseUserName, userName } from '../users/user.js'
import { timestamp } from './timestamp.js'

/** The grant as the contract shows it. */
export function grantMessage(grant: Grant): GrantMessage {
  return GrantMessage.fromPartial({
    user: userName(grant.userId),
    role: grant.role,
    granter: grant.granter,
    createTime: timestamp(grant.createTimeMs),
  })
}

/** The user and the role that a request names. Throws INVALID_FIELD. */
export function parseGrantRequest(request: { user: string; role: string }): { userId: string; role: Role } {
  const check = new FieldCheck(errorDomain)
  const userId = take(check, 'user', parseUserName(request.user))
  const role = take(check, 'role', parseRole(request.role))
  check.done()
  assert(userId !== undefined && role !== undefined)
  return { userId, role }
}
