import assert from 'node:assert/strict'
import { type RegisterUserRequest, RegisterUserResponse } from '../../../gen/paymesh/identity/v1/user_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { type Email, parseEmail } from '../users/email.js'
import { errorDomain, identityError } from '../errors.js'
import { take } from '../parsed.js'
import { parseNewPassword } from '../passwords/password.js'
import type { PasswordHasher } from '../passwords/password-hasher.js'
import { roleOfNewUsers } from '../roles/roles.js'
import type { Secret } from '../../runtime/secret.js'
import { parseDisplayName, type User } from '../users/user.js'
import type { UserStore } from '../users/user-store.js'
import type { Vault } from '../vault/vault.js'
import { userMessage } from './user-message.js'

export interface RegisterUserDeps {
  users: Pick<UserStore, 'create'>
  vault: Vault
  passwords: PasswordHasher
  clock: Clock
  /** A UUIDv7. */
  newId: () => string
}

/** Who gives a new user the first role. */
const granter = 'peers/identity'

/**
 * Registers a user. Fails with INVALID_FIELD, OVERLOADED, EMAIL_TAKEN, in this order.
 *
 * EMAIL_TAKEN tells anybody that an address is registered. To hide it, registration would have to answer the same for
 * every address and go on by mail; that comes with the verification of contacts. Until then a plain answer serves the
 * person who forgot that they registered, and the edge's rate limit bounds who asks for a list of addresses.
 *
 * A client that loses the answer sends the request again and gets EMAIL_TAKEN: it logs in.
 */
export async function registerUser(
  deps: RegisterUserDeps,
  call: Call,
  request: RegisterUserRequest,
): Promise<RegisterUserResponse> {
  const { email, displayName, password } = parse(request)
  const hashed = await deps.passwords.hash(password, call.signal)
  if (hashed === 'busy') throw identityError('OVERLOADED')
  const user: User = {
    id: deps.newId(),
    email: email.written,
    displayName,
    roles: [roleOfNewUsers],
    createTimeMs: deps.clock.nowMs(),
  }
  const outcome = await deps.users.create({
    id: user.id,
    person: deps.vault.seal(user.id, user),
    roles: user.roles,
    createTimeMs: user.createTimeMs,
    emailIndex: deps.vault.emailIndex(email),
    passwordHash: hashed.hash,
    granter,
  })
  if (outcome === 'email_taken') throw identityError('EMAIL_TAKEN')
  return RegisterUserResponse.fromPartial({ user: userMessage(user) })
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
  const password = take(check, 'password', parseNewPassword(request.password))
  check.done()
  assert(email !== undefined && displayName !== undefined && password !== undefined)
  return { email, displayName, password }
}
