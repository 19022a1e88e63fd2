/**
 * A session is one signing-in on one device, and the family of refresh tokens that descend from it.
 *
 * A session is *live* from CreateSession until its expire time, or *revoked*, from which nothing returns. Of its
 * refresh tokens exactly one is *fresh*; RefreshSession makes it *used* and a new one fresh. A used token that comes
 * again revokes the session.
 *
 * **There is no grace for a token that comes twice**, not even at the same moment. A bearer token can't tell a client
 * whose answer was lost from a thief: with a grace both would hold a working session, and the thief's would live on
 * unseen. Weighed and refused: to repeat the same answer for some seconds (needs the new token stored readable or
 * derivable, and hands it to the thief); to refuse the loser of a race without revoking (when the thief wins the race
 * the owner logs in anew and the theft goes unnoticed for months). The price is that a client that loses the answer,
 * or refreshes twice at once, has to log in again. A client therefore refreshes one call at a time, early (the access
 * token in hand stays good for its fifteen minutes), and never resends a refresh on its own; the edge and the service
 * config don't retry it either. A key held by a bound device could prove that it is the same client, and
 * only then might a lost answer be repeated.
 */

/**
 * How long an access token is good. Nothing can call it back, so this is also how long a revoked session or a taken
 * role lingers; shorter, and phones would refresh on every use.
 */
export const accessLifeMs = 15 * 60_000

const dayMs = 24 * 60 * 60_000
/** How long a refresh token is good when not used: a payment app unopened for a month may ask who holds the phone. */
export const refreshLifeMs = 30 * dayMs
/** How long a session lasts however much it is used: the password is proven anew four times a year. */
export const sessionLifeMs = 90 * dayMs

/** What is stored of a refresh token and its session. Times are ms since the epoch. */
export interface StoredRefreshToken {
  tokenExpireTimeMs: number
  used: boolean
  sessionId: string
  userId: string
  sessionExpireTimeMs: number
  sessionRevoked: boolean
}

/**
 * What a refresh token deserves, in this order: one that is unknown or past its time is nothing; one that was used is
 * a theft until shown otherwise; one of a session that is over is nothing. Past its time comes first so that rows of
 * expired tokens can be deleted without a difference to any answer.
 */
export function judgeRefresh(token: StoredRefreshToken | undefined, nowMs: number): 'rotate' | 'reused' | 'invalid' {
  if (token === undefined || token.tokenExpireTimeMs <= nowMs) return 'invalid'
  if (token.used) return 'reused'
  if (token.sessionRevoked || token.sessionExpireTimeMs <= nowMs) return 'invalid'
  return 'rotate'
}

/** When a refresh token made now ends: it never outlives its session. */
export function refreshExpireTimeMs(nowMs: number, sessionExpireTimeMs: number): number {
  return Math.min(nowMs + refreshLifeMs, sessionExpireTimeMs)
}

/** How long an access token says that more than a password was proven: as long as one matter at hand takes. */
export const stepUpLifeMs = 5 * 60_000

/** When an access token made now ends: it never outlives its session. */
export function accessExpireTimeMs(nowMs: number, sessionExpireTimeMs: number): number {
  return Math.min(nowMs + accessLifeMs, sessionExpireTimeMs)
}
