import type pg from 'pg'

/** Why a session was ended before its time. */
export type RevokeReason =
  'REFRESH_TOKEN_REUSED' | 'LOGGED_OUT' | 'LOGGED_OUT_ELSEWHERE' | 'PASSWORD_CHANGED' | 'PASSWORD_RESET'

/** A live session as its user sees it. */
export interface ListedSession {
  id: string
  createTimeMs: number
  refreshTimeMs: number | undefined
  expireTimeMs: number
}

/** Where a page ended. */
export type SessionPlace = Pick<ListedSession, 'id' | 'createTimeMs'>

interface Row {
  id: string
  create_time: Date
  refresh_time: Date | null
  expire_time: Date
}

/** A user's sessions, to be looked at and ended. */
export class SessionList {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** At most `countMax` live sessions behind a place, newest first. */
  async list(
    userId: string,
    after: SessionPlace | undefined,
    countMax: number,
    nowMs: number,
  ): Promise<ListedSession[]> {
    const { rows } = await this.#pool.query<Row>({
      name: 'list-sessions',
      text: `select id, create_time, refresh_time, expire_time from sessions
        where user_id = $1 and revoke_time is null and expire_time > $2
          and ($3::uuid is null or (create_time, id) < ($4::timestamptz, $3::uuid))
        order by create_time desc, id desc
        limit $5`,
      values: [userId, new Date(nowMs), after?.id ?? null, after ? new Date(after.createTimeMs) : null, countMax],
    })
    return rows.map((row) => ({
      id: row.id,
      createTimeMs: row.create_time.getTime(),
      refreshTimeMs: row.refresh_time?.getTime(),
      expireTimeMs: row.expire_time.getTime(),
    }))
  }

  /** Ends a session of the user; whether there is such a one, ended before or not. */
  async revoke(userId: string, id: string, reason: RevokeReason, nowMs: number): Promise<boolean> {
    const { rowCount } = await this.#pool.query({
      name: 'revoke-own-session',
      text: `update sessions set revoke_time = coalesce(revoke_time, $3), revoke_reason = coalesce(revoke_reason, $4)
        where user_id = $1 and id = $2`,
      values: [userId, id, new Date(nowMs), reason],
    })
    return rowCount === 1
  }

  /** Ends the user's sessions but one; answers how many. */
  async revokeOthers(
    userId: string,
    exceptId: string | undefined,
    reason: RevokeReason,
    nowMs: number,
  ): Promise<number> {
    return await revokeSessions(this.#pool, userId, exceptId, reason, nowMs)
  }
}

/** Ends all live sessions of a user, or all but one; answers how many. */
export async function revokeSessions(
  db: Pick<pg.ClientBase, 'query'>,
  userId: string,
  exceptId: string | undefined,
  reason: RevokeReason,
  nowMs: number,
): Promise<number> {
  const { rowCount } = await db.query({
    name: 'revoke-sessions',
    text: `update sessions set revoke_time = $3, revoke_reason = $4
      where user_id = $1 and revoke_time is null and id is distinct from $2::uuid`,
    values: [userId, exceptId ?? null, new Date(nowMs), reason],
  })
  return rowCount ?? 0
}
