import type pg from 'pg'

/** Remembers from where users signed in. */
export class PlaceStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** Whether the user signed in from there within 90 days, or since the last sweep. */
  async isKnown(userId: string, place: Buffer): Promise<boolean> {
    const { rowCount } = await this.#pool.query({
      name: 'is-place-known',
      text: `select from sign_in_places where user_id = $1 and place = $2`,
      values: [userId, place],
    })
    return rowCount === 1
  }

  async remember(userId: string, place: Buffer, nowMs: number): Promise<void> {
    await this.#pool.query({
      name: 'remember-place',
      text: `insert into sign_in_places (user_id, place, last_time) values ($1, $2, $3)
        on conflict (user_id, place) do update set last_time = excluded.last_time`,
      values: [userId, place, new Date(nowMs)],
    })
  }

  /** Deletes at most `countMax` from which nobody signed in for 90 days. */
  async deleteExpired(nowMs: number, countMax: number): Promise<number> {
    const { rowCount } = await this.#pool.query(
      `delete from sign_in_places where (user_id, place) in (select user_id, place from sign_in_places
        where last_time < $1::timestamptz - interval '90 days' limit $2 for update skip locked)`,
      [new Date(nowMs), countMax],
    )
    return rowCount ?? 0
  }
}
