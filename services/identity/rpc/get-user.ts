import { type GetUserRequest, GetUserResponse } from '../../../gen/paymesh/identity/v1/user_service.js'
import type { Call } from '../../runtime/call.js'
import type { UserStore } from '../users/user-store.js'
import type { Vault } from '../vault/vault.js'
import { openUser, ownUserId } from './own-user.js'
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
  const id = ownUserId(call, request.name)
  return GetUserResponse.fromPartial({ user: userMessage(await openUser(deps, id)) })
}
