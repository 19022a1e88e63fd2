import assert from 'node:assert/strict'
import { type RegisterUserRequest, RegisterUserResponse } from '../../../gen/paymesh/identity/v1/user_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { type Email, parseEmail } from '../users/email.js'
import type { CodeLetterDeps } from '../codes/code-letter.js'
import type { CodeStore } from '../codes/code-store.js'
import { errorDomain, identityError, requireAdmitted } from '../errors.js'
import { take } from '../parsed.js'
import { parseNewPassword } from '../passwords/password.js'
import type { PasswordHasher } from '../passwords/password-hasher.js'
import { roleOfNewUsers } from '../roles/roles.js'
import type { Secret } from '../../runtime/secret.js'
import { parseDisplayName, type User } from '../users/user.js'
import { mailsToAddress } from '../throttles/throttle.js'
import type { ThrottleStore } from '../throttles/throttle-store.js'
import type { UserStore } from '../users/user-store.js'
import type { Vault } from '../vault/vault.js'
import { contactLetter } from './contact-letter.js'
import { userMessage } from './user-message.js'

export interface RegisterUserDeps extends CodeLetterDeps {
  users: Pick<UserStore, 'create' | 'find' | 'findPasswords'>
  codes: Pick<CodeStore, 'send'>
  throttles: Pick<ThrottleStore, 'admit'>
  vault: Vault
  passwords: PasswordHasher
  clock: Clock
  /** Told after a notification was stored. */
  nudgeDelivery: () => void
}

/** Who gives a new user the first role. */
const granter = 'peers/identity'

/**
 * Registers a user and sends a code to the address, or, where another user holds it, tells that user. Both take the same
 * steps to the same answer. Fails with INVALID_FIELD, TOO_MANY_TRIES, OVERLOADED, in this order.
 *
 * Who registers again with the same address and password before verifying it is the same user, and gets another code:
 * an account that was left half-way is found again, and a lost answer is answered once more.
 */
export async function registerUser(
  deps: RegisterUserDeps,
  call: Call,
  request: RegisterUserRequest,
): Promise<RegisterUserResponse> {
  const { email, displayName, password } = parse(request)
  const nowMs = deps.clock.nowMs()
  const emailIndex = deps.vault.emailIndex(email)
  requireAdmitted(await deps.throttles.admit(mailsToAddress, emailIndex, nowMs))
  const hashed = await deps.passwords.hash(password, deps.vault.passwordSalt(email), call.signal)
  if (hashed === 'busy') throw identityError('OVERLOADED')
  const others = await deps.users.findPasswords(emailIndex)
  const earlier = others.find(({ hash, contactVerified }) => !contactVerified && hash === hashed.hash)
  const letterTo = (userId: string) => contactLetter(deps, { userId, email: email.written }, others, nowMs)
  const user = earlier && (await findAgain(deps, earlier.userId))
  if (user !== undefined) {
    await deps.codes.send(letterTo(user.id))
    deps.nudgeDelivery()
    return RegisterUserResponse.fromPartial({ user: userMessage(user) })
  }
  const id = deps.newId()
  const added = newUser(id, { email: email.written, displayName }, nowMs)
  const person = deps.vault.seal(id, added)
  const { roles, createTimeMs } = added
  const letter = letterTo(id)
  await deps.users.create({ id, person, roles, createTimeMs, emailIndex, passwordHash: hashed.hash, granter, letter })
  deps.nudgeDelivery()
  return RegisterUserResponse.fromPartial({ user: userMessage(added) })
}

function newUser(id: string, personal: Pick<User, 'email' | 'displayName'>, createTimeMs: number): User {
  return { id, ...personal, roles: [roleOfNewUsers], createTimeMs, contactVerifyTimeMs: undefined }
}

async function findAgain({ users, vault }: RegisterUserDeps, id: string): Promise<User | undefined> {
  const stored = await users.find(id)
  if (stored === undefined) return undefined
  const { person, ...user } = stored
  return { ...user, ...vault.open(id, person) }
}

// Fields that are the service's must be absent: who sends roles would otherwise believe that they were granted.
function parse(request: RegisterUserRequest): { email: Email; displayName: Secret; password: Secret } {
  const check = new FieldCheck(errorDomain)
  const user = request.user
  check.that(user !== undefined, 'user', 'is required')
  const email = user && take(check, 'user.email', parseEmail(user.email))
  const displayName = user && take(check, 'user.display_name', parseDisplayName(user.displayName))
  check.that((user?.name ?? '') === '', 'user.name', 'must be absent')
  check.that((user?.roles ?? []).length === 0, 'user.roles', 'must be absent')
  check.that(user?.createTime === undefined, 'user.create_time', 'must be absent')
  check.that(user?.contactVerifyTime === undefined, 'user.contact_verify_time', 'must be absent')
  const password = take(check, 'password', parseNewPassword(request.password))
  check.done()
  assert(email !== undefined && displayName !== undefined && password !== undefined)
  return { email, displayName, password }
}
