import assert from 'node:assert/strict'
import { type GetUserRequest, GetUserResponse } from '../../../gen/paymesh/identity/v1/user_service.js'
import type { Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain, identityError } from '../errors.js'
import { take } from '../parsed.js'
import { parseUserName, userName } from '../users/user.js'
import type { UserStore } from '../users/user-store.js'
import type { Vault } from '../vault/vault.js'
import { userMessage } from './user-message.js'

export interface GetUserDeps {
  users: Pick<UserStore, 'find'>
  vault: Vault
}

/**
 * Answers the caller's own user. Fails with INVALID_FIELD, NOT_OWNER, USER_NOT_FOUND, in this order: somebody else's
 * name gets NOT_OWNER whether or not it exists, so the answer tells nothing about it. USER_NOT_FOUND is for a token
 * that outlives its user.
 */
export async function getUser(deps: GetUserDeps, call: Call, request: GetUserRequest): Promise<GetUserResponse> {
  // The access option lets in the edge alone, and not without a subject.
  assert(call.caller.kind === 'subject')
  const own = call.caller.subject.name
  const id = parse(request.name === 'users/me' ? own : request.name)
  if (userName(id) !== own) throw identityError('NOT_OWNER')
  const stored = await deps.users.find(id)
  if (stored === undefined) throw identityError('USER_NOT_FOUND', { user: own })
  const { person, ...user } = stored
  return GetUserResponse.fromPartial({ user: userMessage({ ...user, ...deps.vault.open(id, person) }) })
}

function parse(name: string): string {
  const check = new FieldCheck(errorDomain)
  const id = take(check, 'name', parseUserName(name))
  check.done()
  assert(id !== undefined)
  return id
}
