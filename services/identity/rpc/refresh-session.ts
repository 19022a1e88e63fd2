import assert from 'node:assert/strict'
import { type RefreshSessionRequest, RefreshSessionResponse } from '../../../gen/paymesh/identity/v1/session_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import type { Random } from '../../runtime/ids.js'
import { whoCalls } from '../audit/audit-who.js'
import { errorDomain, identityError } from '../errors.js'
import { take } from '../parsed.js'
import { newRefreshToken, parseRefreshToken, type RefreshToken } from '../sessions/refresh-token.js'
import type { SessionStore } from '../sessions/session-store.js'
import { sessionName, userName } from '../users/user.js'
import { issueTokens, type IssueTokensDeps } from './issue-tokens.js'

export interface RefreshSessionDeps extends IssueTokensDeps {
  sessions: Pick<SessionStore, 'rotate'>
  clock: Clock
  random: Random
}

/**
 * Exchanges a refresh token for new tokens, once; session.ts says what a second time means and why. Fails with
 * INVALID_FIELD, REFRESH_TOKEN_INVALID, REFRESH_TOKEN_REUSED. Roles are read anew, so a grant reaches the tokens here.
 */
export async function refreshSession(
  deps: RefreshSessionDeps,
  call: Call,
  request: RefreshSessionRequest,
): Promise<RefreshSessionResponse> {
  const presented = parse(request)
  // The token is not spent for a caller who has gone already and could not receive its successor.
  call.signal.throwIfAborted()
  // Nor while there is no key to sign the next access token with: this throws then.
  deps.signingKeys.signer()
  const nowMs = deps.clock.nowMs()
  const token = newRefreshToken(deps.random)
  const rotation = await deps.sessions.rotate(presented.hash, token.hash, nowMs, whoCalls(call))
  switch (rotation.kind) {
    case 'invalid':
      throw identityError('REFRESH_TOKEN_INVALID')
    case 'reused':
      // What a security monitor should alert on: either a client that refreshes twice at once, or a stolen token.
      call.log.warn(
        { session: sessionName(rotation.sessionId), user: userName(rotation.userId) },
        'a used refresh token came again; the session is revoked',
      )
      throw identityError('REFRESH_TOKEN_REUSED')
    case 'rotated': {
      const refresh = { token, expireTimeMs: rotation.refreshExpireTimeMs }
      const tokens = await issueTokens(deps, rotation.session, refresh, nowMs)
      return RefreshSessionResponse.fromPartial({ tokens })
    }
  }
}

function parse(request: RefreshSessionRequest): RefreshToken {
  const check = new FieldCheck(errorDomain)
  const token = take(check, 'refresh_token', parseRefreshToken(request.refreshToken))
  check.done()
  assert(token !== undefined)
  return token
}
