import { type RevokeSessionRequest, RevokeSessionResponse } from '../../../gen/paymesh/identity/v1/session_service.js'
import assert from 'node:assert/strict'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain, identityError } from '../errors.js'
import { take } from '../parsed.js'
import type { SessionList } from '../sessions/session-list.js'
import { parseSessionName, sessionName } from '../users/user.js'
import { callerSessionId, callerUserId } from './own-user.js'

export interface RevokeSessionDeps {
  sessionList: Pick<SessionList, 'revoke'>
  clock: Clock
}

/** Ends one of the caller's sessions. Fails with INVALID_FIELD, SESSION_NOT_FOUND, in this order. */
export async function revokeSession(
  deps: RevokeSessionDeps,
  call: Call,
  request: RevokeSessionRequest,
): Promise<RevokeSessionResponse> {
  const userId = callerUserId(call)
  const current = callerSessionId(call)
  const id = request.name === 'sessions/current' && current !== undefined ? current : parse(request.name)
  const reason = id === current ? 'LOGGED_OUT' : 'LOGGED_OUT_ELSEWHERE'
  if (!(await deps.sessionList.revoke(userId, id, reason, deps.clock.nowMs()))) {
    throw identityError('SESSION_NOT_FOUND', { session: sessionName(id) })
  }
  return RevokeSessionResponse.fromPartial({})
}

function parse(name: string): string {
  const check = new FieldCheck(errorDomain)
  const id = take(check, 'name', parseSessionName(name))
  check.done()
  assert(id !== undefined)
  return id
}
