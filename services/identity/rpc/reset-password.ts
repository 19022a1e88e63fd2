import assert from 'node:assert/strict'
import { NIL } from 'uuid'
import { type ResetPasswordRequest, ResetPasswordResponse } from '../../../gen/paymesh/identity/v1/user_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import type { Keyring } from '../../runtime/keyring.js'
import type { Secret } from '../../runtime/secret.js'
import { whoCalls } from '../audit/audit-who.js'
import { codeHash, parseCode } from '../codes/code.js'
import type { CodeStore, PresentedCode } from '../codes/code-store.js'
import { errorDomain, identityError } from '../errors.js'
import type { KeyedHash } from '../keyed-hash.js'
import { noticeLifeMs } from '../notifications/notification.js'
import { sealNotification } from '../notifications/notification-store.js'
import { take } from '../parsed.js'
import { parseNewPassword } from '../passwords/password.js'
import type { PasswordHasher } from '../passwords/password-hasher.js'
import type { PasswordStore } from '../passwords/password-store.js'
import { type Email, parseEmail } from '../users/email.js'
import type { UserStore } from '../users/user-store.js'
import type { Vault } from '../vault/vault.js'

export interface ResetPasswordDeps {
  users: Pick<UserStore, 'findPasswords'>
  codes: Pick<CodeStore, 'try'>
  passwordStore: Pick<PasswordStore, 'reset'>
  passwords: PasswordHasher
  vault: Vault
  keyring: Keyring
  keyedHash: KeyedHash
  clock: Clock
  newId: () => string
  nudgeDelivery: () => void
}

/**
 * Sets a new password by a code. Fails with INVALID_FIELD, OVERLOADED, CODE_INVALID, in this order: the password is hashed
 * before the code is looked at, so that the time of the answer does not tell whether somebody holds the address.
 */
export async function resetPassword(
  deps: ResetPasswordDeps,
  call: Call,
  request: ResetPasswordRequest,
): Promise<ResetPasswordResponse> {
  const { email, code, password } = parse(request)
  const hashed = await deps.passwords.hash(password, deps.vault.passwordSalt(email), call.signal)
  if (hashed === 'busy') throw identityError('OVERLOADED')
  const timeMs = deps.clock.nowMs()
  const holder = (await deps.users.findPasswords(deps.vault.emailIndex(email))).find((user) => user.contactVerified)
  const userId = holder?.userId ?? NIL
  const presented = presentedCode(deps.keyedHash, userId, code)
  if (!(await deps.codes.try(presented, timeMs))) throw identityError('CODE_INVALID')
  const notice = { id: deps.newId(), kind: 'PASSWORD_CHANGED' as const, email: email.written, code: undefined }
  const notification = sealNotification(deps.keyring, { ...notice, expireTimeMs: timeMs + noticeLifeMs }, timeMs)
  const next = { userId, hash: hashed.hash, timeMs, who: whoCalls(call), notification }
  if (!(await deps.passwordStore.reset(next, presented))) {
    throw identityError('CODE_INVALID')
  }
  deps.nudgeDelivery()
  return ResetPasswordResponse.fromPartial({})
}

function presentedCode(keyedHash: KeyedHash, userId: string, code: Secret): PresentedCode {
  const purpose = 'RESET_PASSWORD'
  return { userId, purpose, hash: codeHash(keyedHash, userId, purpose, code) }
}

function parse(request: ResetPasswordRequest): { email: Email; code: Secret; password: Secret } {
  const check = new FieldCheck(errorDomain)
  const email = take(check, 'email', parseEmail(request.email))
  const code = take(check, 'code', parseCode(request.code))
  const password = take(check, 'new_password', parseNewPassword(request.newPassword))
  check.done()
  assert(email !== undefined && code !== undefined && password !== undefined)
  return { email, code, password }
}
