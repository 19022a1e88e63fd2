import assert from 'node:assert/strict'
import { type ChangePasswordRequest, ChangePasswordResponse } from '../../../gen/paymesh/identity/v1/user_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import type { Secret } from '../../runtime/secret.js'
import { whoCalls } from '../audit/audit-who.js'
import { errorDomain, identityError } from '../errors.js'
import { take } from '../parsed.js'
import type { AuditStore } from '../audit/audit-store.js'
import { requireRightPassword } from './checked-password.js'
import { parseGivenPassword, parseNewPassword } from '../passwords/password.js'
import type { PasswordCheck } from '../passwords/password-check.js'
import type { PasswordHasher } from '../passwords/password-hasher.js'
import type { PasswordStore } from '../passwords/password-store.js'
import type { UserStore } from '../users/user-store.js'
import type { Vault } from '../vault/vault.js'
import { noticeTo, type NoticeDeps } from './notice.js'
import { callerSessionId, openUser, ownUserId, saltOf } from './own-user.js'

export interface ChangePasswordDeps extends NoticeDeps {
  users: Pick<UserStore, 'find'>
  passwordStore: Pick<PasswordStore, 'change'>
  audit: Pick<AuditStore, 'appendEvent'>
  passwordCheck: Pick<PasswordCheck, 'own'>
  passwords: PasswordHasher
  vault: Vault
  clock: Clock
  nudgeDelivery: () => void
}

/**
 * Changes the caller's password. Fails with INVALID_FIELD, NOT_OWNER, USER_NOT_FOUND, TOO_MANY_TRIES, OVERLOADED,
 * WRONG_CREDENTIALS; what is wrong with the name comes before what is wrong with passwords.
 */
export async function changePassword(
  deps: ChangePasswordDeps,
  call: Call,
  request: ChangePasswordRequest,
): Promise<ChangePasswordResponse> {
  const userId = ownUserId(call, request.name)
  const { current, next } = parse(request)
  const user = await openUser(deps, userId)
  const salt = saltOf(deps.vault, user)
  const checked = await deps.passwordCheck.own(userId, salt, current, call.signal)
  const { hash } = await requireRightPassword(deps, call, checked)
  const hashed = await deps.passwords.hash(next, salt, call.signal)
  if (hashed === 'busy') throw identityError('OVERLOADED')
  const timeMs = deps.clock.nowMs()
  const notification = noticeTo(deps, user, 'PASSWORD_CHANGED', timeMs)
  const changed = { userId, hash: hashed.hash, timeMs, who: whoCalls(call), notification }
  if (!(await deps.passwordStore.change(changed, hash, callerSessionId(call)))) throw identityError('WRONG_CREDENTIALS')
  deps.nudgeDelivery()
  return ChangePasswordResponse.fromPartial({})
}

function parse(request: ChangePasswordRequest): { current: Secret; next: Secret } {
  const check = new FieldCheck(errorDomain)
  const current = take(check, 'current_password', parseGivenPassword(request.currentPassword))
  const next = take(check, 'new_password', parseNewPassword(request.newPassword))
  check.done()
  assert(current !== undefined && next !== undefined)
  return { current, next }
}
