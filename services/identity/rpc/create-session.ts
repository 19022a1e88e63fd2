import assert from 'node:assert/strict'
import { type CreateSessionRequest, CreateSessionResponse } from '../../../gen/paymesh/identity/v1/session_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import type { Random } from '../../runtime/ids.js'
import { type Email, parseEmail } from '../users/email.js'
import { errorDomain } from '../errors.js'
import { take } from '../parsed.js'
import type { AuditStore } from '../audit/audit-store.js'
import { requireRightPassword } from './checked-password.js'
import { parseGivenPassword } from '../passwords/password.js'
import type { PasswordCheck } from '../passwords/password-check.js'
import { newRefreshToken } from '../sessions/refresh-token.js'
import type { Secret } from '../../runtime/secret.js'
import { refreshExpireTimeMs, sessionLifeMs } from '../sessions/session.js'
import type { SessionStore } from '../sessions/session-store.js'
import { clientNetwork } from '../throttles/client-network.js'
import { issueTokens, type IssueTokensDeps } from './issue-tokens.js'

export interface CreateSessionDeps extends IssueTokensDeps {
  sessions: Pick<SessionStore, 'create'>
  audit: Pick<AuditStore, 'appendEvent'>
  passwordCheck: Pick<PasswordCheck, 'signIn'>
  clock: Clock
  random: Random
}

/**
 * Signs a user in. Fails with INVALID_FIELD, TOO_MANY_TRIES, OVERLOADED, WRONG_CREDENTIALS, in this order. An unknown
 * address and a wrong password take the same path to the same answer: the same queries, one hash.
 */
export async function createSession(
  deps: CreateSessionDeps,
  call: Call,
  request: CreateSessionRequest,
): Promise<CreateSessionResponse> {
  const { email, password } = parse(request)
  const checked = await deps.passwordCheck.signIn(email, password, clientNetwork(call), call.signal)
  const { userId } = await requireRightPassword(deps, call, checked)
  const nowMs = deps.clock.nowMs()
  const token = newRefreshToken(deps.random)
  const sessionExpireTimeMs = nowMs + sessionLifeMs
  const refresh = { token, expireTimeMs: refreshExpireTimeMs(nowMs, sessionExpireTimeMs) }
  const session = await deps.sessions.create({
    id: deps.newId(),
    userId,
    createTimeMs: nowMs,
    expireTimeMs: sessionExpireTimeMs,
    refreshTokenHash: token.hash,
    refreshExpireTimeMs: refresh.expireTimeMs,
  })
  return CreateSessionResponse.fromPartial({ tokens: await issueTokens(deps, session, refresh, nowMs) })
}

function parse(request: CreateSessionRequest): { email: Email; password: Secret } {
  const check = new FieldCheck(errorDomain)
  const email = take(check, 'email', parseEmail(request.email))
  const password = take(check, 'password', parseGivenPassword(request.password))
  check.done()
  assert(email !== undefined && password !== undefined)
  return { email, password }
}
