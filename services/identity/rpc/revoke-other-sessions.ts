import {
  type RevokeOtherSessionsRequest,
  RevokeOtherSessionsResponse,
} from '../../../gen/paymesh/identity/v1/session_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import type { SessionList } from '../sessions/session-list.js'
import { callerSessionId, callerUserId } from './own-user.js'

export interface RevokeOtherSessionsDeps {
  sessionList: Pick<SessionList, 'revokeOthers'>
  clock: Clock
}

/** Ends the caller's sessions but the one of the call. */
export async function revokeOtherSessions(
  deps: RevokeOtherSessionsDeps,
  call: Call,
  _request: RevokeOtherSessionsRequest,
): Promise<RevokeOtherSessionsResponse> {
  const [userId, current] = [callerUserId(call), callerSessionId(call)]
  const nowMs = deps.clock.nowMs()
  const revokedCount = await deps.sessionList.revokeOthers(userId, current, 'LOGGED_OUT_ELSEWHERE', nowMs)
  return RevokeOtherSessionsResponse.fromPartial({ revokedCount })
}
