import { Tokens } from '../../../gen/paymesh/identity/v1/session_service.js'
import type { Secret } from '../../runtime/secret.js'
import { type Level, signAccessToken } from '../tokens/access-token.js'
import type { RefreshToken } from '../sessions/refresh-token.js'
import { accessExpireTimeMs, stepUpLifeMs } from '../sessions/session.js'
import type { LiveSession } from '../sessions/session-store.js'
import type { SigningKeys } from '../tokens/signing-keys.js'
import { sessionName, userName } from '../users/user.js'
import { timestamp } from './timestamp.js'

export interface IssueTokensDeps {
  signingKeys: Pick<SigningKeys, 'signer'>
  /** The `iss` and `aud` of access tokens. */
  issuer: string
  audience: string
  newId: () => string
}

/** Signs an access token for the session and puts it beside the refresh token that was stored. */
export async function issueTokens(
  deps: IssueTokensDeps,
  session: LiveSession,
  refresh: { token: RefreshToken; expireTimeMs: number },
  nowMs: number,
): Promise<Tokens> {
  const expireTimeMs = accessExpireTimeMs(nowMs, session.expireTimeMs)
  const accessToken = await sign(deps, session, 'pwd', nowMs, expireTimeMs)
  return Tokens.fromPartial({
    session: sessionName(session.id),
    user: userName(session.userId),
    accessToken: accessToken.reveal(),
    // The token's own time, which has no fractions.
    accessExpireTime: timestamp(wholeSeconds(expireTimeMs)),
    refreshToken: refresh.token.text.reveal(),
    refreshExpireTime: timestamp(refresh.expireTimeMs),
  })
}

/** An access token of more than a password, for a short time and no longer than the session; and when it ends. */
export async function issueSteppedUp(
  deps: IssueTokensDeps,
  session: LiveSession,
  level: Level,
  nowMs: number,
): Promise<{ accessToken: Secret; expireTimeMs: number }> {
  const expireTimeMs = Math.min(nowMs + stepUpLifeMs, session.expireTimeMs)
  const accessToken = await sign(deps, session, level, nowMs, expireTimeMs)
  return { accessToken, expireTimeMs: wholeSeconds(expireTimeMs) }
}

async function sign(
  deps: IssueTokensDeps,
  session: LiveSession,
  level: Level,
  issueTimeMs: number,
  expireTimeMs: number,
): Promise<Secret> {
  const { issuer, audience } = deps
  const { id: sessionId, userId, roles, tags } = session
  const tokenId = deps.newId()
  const claims = { issuer, audience, userId, sessionId, roles, tags, level, issueTimeMs, expireTimeMs, tokenId }
  return await signAccessToken(deps.signingKeys.signer(), claims)
}

function wholeSeconds(timeMs: number): number {
  return Math.floor(timeMs / 1000) * 1000
}
