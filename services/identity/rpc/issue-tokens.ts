import { Tokens } from '../../../gen/paymesh/identity/v1/session_service.js'
import { signAccessToken } from '../tokens/access-token.js'
import type { RefreshToken } from '../sessions/refresh-token.js'
import { accessExpireTimeMs } from '../sessions/session.js'
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
  const accessToken = await signAccessToken(deps.signingKeys.signer(), {
    issuer: deps.issuer,
    audience: deps.audience,
    userId: session.userId,
    sessionId: session.id,
    roles: session.roles,
    tags: session.tags,
    level: 'pwd',
    issueTimeMs: nowMs,
    expireTimeMs,
    tokenId: deps.newId(),
  })
  return Tokens.fromPartial({
    session: sessionName(session.id),
    user: userName(session.userId),
    accessToken: accessToken.reveal(),
    // The token's own time, which has no fractions.
    accessExpireTime: timestamp(Math.floor(expireTimeMs / 1000) * 1000),
    refreshToken: refresh.token.text.reveal(),
    refreshExpireTime: timestamp(refresh.expireTimeMs),
  })
}
