import assert from 'node:assert/strict'
import { AuthLevel } from '../../../gen/paymesh/access/v1/access.js'
import type { Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain, identityError } from '../errors.js'
import { take } from '../parsed.js'
import { parseEmail } from '../users/email.js'
import { parseSessionName, parseUserName, userName } from '../users/user.js'
import type { User } from '../users/user.js'
import type { UserStore } from '../users/user-store.js'
import type { Vault } from '../vault/vault.js'

/** The id of the caller, whom the access option has made sure to be signed in as a user through the edge. */
export function callerUserId(call: Call): string {
  assert(call.caller.kind === 'subject')
  const parsed = parseUserName(call.caller.subject.name)
  // A client that signs its requests is a subject, too, but has no sessions, devices or contacts.
  if ('problem' in parsed) throw identityError('NOT_OWNER')
  return parsed.value
}

/** The id of the session that the caller's token is of; undefined when it is of none. */
export function callerSessionId(call: Call): string | undefined {
  assert(call.caller.kind === 'subject')
  const parsed = parseSessionName(call.caller.subject.session)
  return 'value' in parsed ? parsed.value : undefined
}

/** Whether the caller proved more than a password. */
export function isSteppedUp(call: Call): boolean {
  assert(call.caller.kind === 'subject')
  return call.caller.subject.level >= AuthLevel.DEVICE
}

/** The id in a name that must be the caller's own, `users/me` or in full. Throws INVALID_FIELD, NOT_OWNER. */
export function ownUserId(call: Call, name: string): string {
  const own = callerUserId(call)
  const check = new FieldCheck(errorDomain)
  const id = take(check, 'name', parseUserName(name === 'users/me' ? userName(own) : name))
  check.done()
  if (id !== own) throw identityError('NOT_OWNER')
  return id
}

/** The user, opened. Throws USER_NOT_FOUND: a token may outlive its user. */
export async function openUser(
  { users, vault }: { users: Pick<UserStore, 'find'>; vault: Vault },
  id: string,
): Promise<User> {
  const stored = await users.find(id)
  if (stored === undefined) throw identityError('USER_NOT_FOUND', { user: userName(id) })
  const { person, ...user } = stored
  return { ...user, ...vault.open(id, person) }
}

/** The salt of the user's password. */
export function saltOf(vault: Vault, user: User): Buffer {
  const email = parseEmail(user.email.reveal())
  assert('value' in email)
  return vault.passwordSalt(email.value)
}

/** Whether the caller's token permits something that the access option does not ask of everybody. */
export function mayDo(call: Call, permission: string): boolean {
  return call.caller.kind === 'subject' && call.caller.subject.permissions.has(permission)
}
