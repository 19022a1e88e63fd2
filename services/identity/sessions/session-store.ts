import type pg from 'pg'
import { transaction } from '../../runtime/postgres.js'
import { appendEvent } from '../audit/audit-chain.js'
import type { AuditWho } from '../audit/audit-record.js'
import type { KycLevel } from '../kyc/kyc-case.js'
import { isRole, type Role } from '../roles/roles.js'
import { sessionName, userName } from '../users/user.js'
import { type Tag, tagsOf } from '../users/tags.js'
import { judgeRefresh, refreshExpireTimeMs, type StoredRefreshToken } from './session.js'

export interface NewSession {
  id: string
  userId: string
  createTimeMs: number
  expireTimeMs: number
  refreshTokenHash: Buffer
  refreshExpireTimeMs: number
}

/** What became of a refresh token that was presented. */
export type Rotation =
  | { kind: 'invalid' }
  | { kind: 'reused'; sessionId: string; userId: string }
  | { kind: 'rotated'; session: LiveSession; refreshExpireTimeMs: number }

/** A session for which tokens may be made. */
export interface LiveSession {
  id: string
  userId: string
  expireTimeMs: number
  /** What the user holds at this moment. */
  roles: readonly Role[]
  tags: readonly Tag[]
}

/** What a token says of the user beside the name; `user` and `now` are the parameters that hold the id and the time. */
const standing = (
  user: string,
  now: string,
) => `array(select role from grants where user_id = ${user} order by role) as roles,
  exists (select from users where id = ${user} and contact_verify_time is not null) as contact_verified,
  array(select level from kyc_cases where user_id = ${user} and state = 'VERIFIED' and expire_time > ${now}) as kyc_levels`

interface StandingRow {
  roles: string[]
  contact_verified: boolean
  kyc_levels: KycLevel[]
}

function standingOf(row: StandingRow | undefined): Pick<LiveSession, 'roles' | 'tags'> {
  return {
    roles: (row?.roles ?? []).filter(isRole),
    tags: tagsOf({ contactVerified: row?.contact_verified ?? false, kycLevels: row?.kyc_levels ?? [] }),
  }
}

interface TokenRow {
  token_expire_time: Date
  used: boolean
  session_id: string
  user_id: string
  session_expire_time: Date
  session_revoked: boolean
}

export class SessionStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** Stores a session with its first refresh token and answers the roles that the user holds. */
  async create(session: NewSession): Promise<LiveSession> {
    const { rows } = await this.#pool.query<StandingRow>({
      name: 'create-session',
      text: `with added as (
          insert into sessions (id, user_id, create_time, expire_time) values ($1, $2, $3, $4) returning id
        ), token as (
          insert into refresh_tokens (hash, session_id, create_time, expire_time) select $5, id, $3, $6 from added
        ), seen as (
          update users set sign_in_time = $3 where id = $2 and sign_in_time is null
        )
        select ${standing('$2', '$3')}`,
      values: [
        session.id,
        session.userId,
        new Date(session.createTimeMs),
        new Date(session.expireTimeMs),
        session.refreshTokenHash,
        new Date(session.refreshExpireTimeMs),
      ],
    })
    const { id, userId, expireTimeMs } = session
    return { id, userId, expireTimeMs, ...standingOf(rows[0]) }
  }

  /** What a token would say of the user now; undefined when there is none, or when the user's data key was dropped. */
  async standingOf(userId: string, nowMs: number): Promise<Pick<LiveSession, 'roles' | 'tags'> | undefined> {
    const { rows } = await this.#pool.query<StandingRow>({
      name: 'standing',
      text: `select ${standing('$1', '$2')} from data_keys where user_id = $1`,
      values: [userId, new Date(nowMs)],
    })
    return rows[0] && standingOf(rows[0])
  }

  /**
   * Exchanges a refresh token for its successor, or revokes the session of one that was used before. The session's row
   * is locked first, so of any number of calls with one token exactly one rotates, and a rotation and a revocation of
   * one session happen one after the other.
   */
  async rotate(hash: Buffer, successorHash: Buffer, nowMs: number, who: AuditWho): Promise<Rotation> {
    return await transaction(this.#pool, async (client) => {
      const token = await lockToken(client, hash)
      const judgement = judgeRefresh(token, nowMs)
      // The judgement of no token is `invalid`; asked again for the compiler.
      if (token === undefined || judgement === 'invalid') return { kind: 'invalid' }
      if (judgement === 'reused') {
        // Returned, not thrown: a throw would roll the revocation back.
        await revoke(client, token, nowMs, who)
        return { kind: 'reused', sessionId: token.sessionId, userId: token.userId }
      }
      return await exchange(client, token, hash, successorHash, nowMs)
    })
  }

  /**
   * The live session of a user, for a token of more than its password; undefined when it is over. Notes the device that
   * proved it.
   */
  async stepUp(
    userId: string,
    id: string,
    deviceId: string | undefined,
    nowMs: number,
  ): Promise<LiveSession | undefined> {
    const { rows } = await this.#pool.query<StandingRow & { expire_time: Date }>({
      name: 'step-up-session',
      text: `with stepped as (
          update sessions set device_id = coalesce($3, device_id)
          where id = $2 and user_id = $1 and revoke_time is null and expire_time > $4
          returning expire_time
        ), used as (
          update devices set use_time = $4 where id = $3 and user_id = $1
        )
        select expire_time, ${standing('$1', '$4')} from stepped`,
      values: [userId, id, deviceId ?? null, new Date(nowMs)],
    })
    const [row] = rows
    return row && { id, userId, expireTimeMs: row.expire_time.getTime(), ...standingOf(row) }
  }

  /**
   * Deletes at most `countMax` tokens and sessions whose time is past; answers how many. No answer of any RPC depends
   * on whether it ran.
   */
  async deleteExpired(nowMs: number, countMax: number): Promise<number> {
    const now = new Date(nowMs)
    const tokens = await this.#pool.query(
      `delete from refresh_tokens where hash in (
        select hash from refresh_tokens where expire_time <= $1 limit $2 for update skip locked)`,
      [now, countMax],
    )
    const sessions = await this.#pool.query(
      `delete from sessions where id in (
        select id from sessions where expire_time <= $1 limit $2 for update skip locked)`,
      [now, countMax],
    )
    return (tokens.rowCount ?? 0) + (sessions.rowCount ?? 0)
  }
}

// The session is locked before the token is read, in a statement of its own: one statement that joins and locks would
// read the token as it was before it waited.
async function lockToken(client: pg.PoolClient, hash: Buffer): Promise<StoredRefreshToken | undefined> {
  await client.query({
    name: 'lock-session-of-token',
    text: `select 1 from sessions where id = (select session_id from refresh_tokens where hash = $1) for update`,
    values: [hash],
  })
  const { rows } = await client.query<TokenRow>({
    name: 'find-refresh-token',
    text: `select t.expire_time as token_expire_time, t.use_time is not null as used, s.id as session_id, s.user_id,
        s.expire_time as session_expire_time, s.revoke_time is not null as session_revoked
      from refresh_tokens t join sessions s on s.id = t.session_id
      where t.hash = $1`,
    values: [hash],
  })
  const [row] = rows
  return row && tokenOf(row)
}

async function exchange(
  client: pg.PoolClient,
  token: StoredRefreshToken,
  hash: Buffer,
  successorHash: Buffer,
  nowMs: number,
): Promise<Rotation> {
  const now = new Date(nowMs)
  const expireTimeMs = refreshExpireTimeMs(nowMs, token.sessionExpireTimeMs)
  await client.query({
    name: 'note-refresh',
    text: `update sessions set refresh_time = $2 where id = $1`,
    values: [token.sessionId, now],
  })
  // Two statements: within one, the unique index of fresh tokens would meet the old one not yet used.
  await client.query({
    name: 'use-refresh-token',
    text: `update refresh_tokens set use_time = $2 where hash = $1`,
    values: [hash, now],
  })
  const { rows } = await client.query<StandingRow>({
    name: 'add-refresh-token',
    text: `with added as (
        insert into refresh_tokens (hash, session_id, create_time, expire_time) values ($1, $2, $3, $4)
      )
      select ${standing('$5', '$3')}`,
    values: [successorHash, token.sessionId, now, new Date(expireTimeMs), token.userId],
  })
  const session: LiveSession = {
    id: token.sessionId,
    userId: token.userId,
    expireTimeMs: token.sessionExpireTimeMs,
    ...standingOf(rows[0]),
  }
  return { kind: 'rotated', session, refreshExpireTimeMs: expireTimeMs }
}

async function revoke(client: pg.PoolClient, token: StoredRefreshToken, nowMs: number, who: AuditWho): Promise<void> {
  const { sessionId, userId } = token
  const { rowCount } = await client.query({
    name: 'revoke-session',
    text: `update sessions set revoke_time = $2, revoke_reason = 'REFRESH_TOKEN_REUSED'
      where id = $1 and revoke_time is null`,
    values: [sessionId, new Date(nowMs)],
  })
  // Once a session, however often the token comes.
  if (rowCount !== 1) return
  const details = { session: sessionName(sessionId) }
  await appendEvent(client, { event: 'REFRESH_TOKEN_REUSED', who, timeMs: nowMs, resource: userName(userId), details })
}

function tokenOf(row: TokenRow): StoredRefreshToken {
  return {
    tokenExpireTimeMs: row.token_expire_time.getTime(),
    used: row.used,
    sessionId: row.session_id,
    userId: row.user_id,
    sessionExpireTimeMs: row.session_expire_time.getTime(),
    sessionRevoked: row.session_revoked,
  }
}
