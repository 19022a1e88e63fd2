import assert from 'node:assert/strict'
import { type ChangePasswordRequest, ChangePasswordResponse } from '../../../gen/paymesh/identity/v1/user_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import type { Keyring } from '../../runtime/keyring.js'
import type { Secret } from '../../runtime/secret.js'
import { errorDomain, identityError, requireRight } from '../errors.js'
import { noticeLifeMs } from '../notifications/notification.js'
import { type SealedNotification, sealNotification } from '../notifications/notification-store.js'
import { take } from '../parsed.js'
import { parseGivenPassword, parseNewPassword } from '../passwords/password.js'
import type { PasswordCheck } from '../passwords/password-check.js'
import type { PasswordHasher } from '../passwords/password-hasher.js'
import type { PasswordStore } from '../passwords/password-store.js'
import { parseEmail } from '../users/email.js'
import type { User } from '../users/user.js'
import type { UserStore } from '../users/user-store.js'
import type { Vault } from '../vault/vault.js'
import { callerSessionId, openUser, ownUserId } from './own-user.js'

export interface ChangePasswordDeps {
  users: Pick<UserStore, 'find'>
  passwordStore: Pick<PasswordStore, 'change'>
  passwordCheck: Pick<PasswordCheck, 'own'>
  passwords: PasswordHasher
  vault: Vault
  keyring: Keyring
  clock: Clock
  newId: () => string
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
  const { hash } = requireRight(await deps.passwordCheck.own(userId, salt, current, call.signal))
  const hashed = await deps.passwords.hash(next, salt, call.signal)
  if (hashed === 'busy') throw identityError('OVERLOADED')
  const timeMs = deps.clock.nowMs()
  const notification = noticeTo(deps, user, timeMs)
  const changed = { userId, hash: hashed.hash, timeMs, notification }
  if (!(await deps.passwordStore.change(changed, hash, callerSessionId(call)))) throw identityError('WRONG_CREDENTIALS')
  deps.nudgeDelivery()
  return ChangePasswordResponse.fromPartial({})
}

function saltOf(vault: Vault, user: User): Buffer {
  const email = parseEmail(user.email.reveal())
  assert('value' in email)
  return vault.passwordSalt(email.value)
}

/** Tells the user, at a contact that is certainly theirs. */
function noticeTo(deps: ChangePasswordDeps, user: User, nowMs: number): SealedNotification | undefined {
  if (user.contactVerifyTimeMs === undefined) return undefined
  const { email } = user
  const notice = { id: deps.newId(), kind: 'PASSWORD_CHANGED' as const, email, code: undefined }
  return sealNotification(deps.keyring, { ...notice, expireTimeMs: nowMs + noticeLifeMs }, nowMs)
}

function parse(request: ChangePasswordRequest): { current: Secret; next: Secret } {
  const check = new FieldCheck(errorDomain)
  const current = take(check, 'current_password', parseGivenPassword(request.currentPassword))
  const next = take(check, 'new_password', parseNewPassword(request.newPassword))
  check.done()
  assert(current !== undefined && next !== undefined)
  return { current, next }
}
