import type pg from 'pg'

/**
 * Which nonces were used. In PostgreSQL alone, which is asked for the key anyway: docs/decisions/0012 says why not in
 * memory that may be lost.
 */
export class NonceStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** Uses a nonce up; false when it was used before. It is remembered until `expireTimeMs` at least. */
  async use(clientId: string, nonce: string, expireTimeMs: number): Promise<boolean> {
    const { rowCount } = await this.#pool.query({
      name: 'use-nonce',
      text: `insert into nonces (client_id, nonce, expire_time) values ($1, $2, $3)
        on conflict (client_id, nonce) do nothing`,
      values: [clientId, nonce, new Date(expireTimeMs)],
    })
    return rowCount === 1
  }

  /** Deletes at most `countMax` nonces whose time is over. */
  async deleteExpired(nowMs: number, countMax: number): Promise<number> {
    const { rowCount } = await this.#pool.query(
      `delete from nonces where (client_id, nonce) in (select client_id, nonce from nonces
        where expire_time < $1 limit $2 for update skip locked)`,
      [new Date(nowMs), countMax],
    )
    return rowCount ?? 0
  }
}
