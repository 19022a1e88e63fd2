import { type GetKycRequest, GetKycResponse } from '../../../gen/paymesh/identity/v1/kyc_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { identityError } from '../errors.js'
import type { KycStore } from '../kyc/kyc-store.js'
import { userName } from '../users/user.js'
import type { UserStore } from '../users/user-store.js'
import { kycMessage, requireKycUserId } from './kyc-message.js'
import { callerUserId, mayDo } from './own-user.js'

export interface GetKycDeps {
  users: Pick<UserStore, 'find'>
  kyc: Pick<KycStore, 'list'>
  clock: Clock
}

/** Answers a user's newest case. Fails with INVALID_FIELD, NOT_OWNER, USER_NOT_FOUND, in this order. */
export async function getKyc(deps: GetKycDeps, call: Call, request: GetKycRequest): Promise<GetKycResponse> {
  const own = callerUserId(call)
  const userId = requireKycUserId(request.name, userName(own))
  if (userId !== own && !mayDo(call, 'kyc:review')) throw identityError('NOT_OWNER')
  const cases = await deps.kyc.list(userId)
  if (cases.length === 0 && (await deps.users.find(userId)) === undefined) {
    throw identityError('USER_NOT_FOUND', { user: userName(userId) })
  }
  const reader = userId === own ? 'user' : 'reviewer'
  return GetKycResponse.fromPartial({ kyc: kycMessage(userId, cases[0], cases, reader, deps.clock.nowMs()) })
}
