import { timingSafeEqual } from 'node:crypto'
import type pg from 'pg'
import { transaction } from '../../runtime/postgres.js'
import { addNotification } from '../notifications/notification-store.js'
import { type CodePurpose, codeTriesMax } from './code.js'
import type { CodeLetter } from './code-letter.js'

/** A code as stored. */
export interface StoredCode {
  userId: string
  purpose: CodePurpose
  hash: Buffer
  createTimeMs: number
  expireTimeMs: number
}

/** Puts a code in the place of the one before, which is worth nothing from then on; does nothing without such a user. */
export async function putCode(client: pg.ClientBase, code: StoredCode): Promise<void> {
  await client.query({
    name: 'put-code',
    text: `insert into codes (user_id, purpose, hash, create_time, expire_time)
        select id, $2, $3, $4, $5 from users where id = $1
      on conflict (user_id, purpose) do update set hash = excluded.hash, try_count = 0,
        create_time = excluded.create_time, expire_time = excluded.expire_time`,
    values: [code.userId, code.purpose, code.hash, new Date(code.createTimeMs), new Date(code.expireTimeMs)],
  })
}

/** A code that somebody brings. */
export type PresentedCode = Pick<StoredCode, 'userId' | 'purpose' | 'hash'>

/** Spends a code that was tried and found right; false when another call did meanwhile. */
export async function spendCode(client: pg.ClientBase, code: PresentedCode): Promise<boolean> {
  const { rowCount } = await client.query({
    name: 'spend-code',
    text: `delete from codes where user_id = $1 and purpose = $2 and hash = $3`,
    values: [code.userId, code.purpose, code.hash],
  })
  return rowCount === 1
}

export class CodeStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** Stores a code together with the notification that brings it. */
  async send({ code, notification }: CodeLetter): Promise<void> {
    await transaction(this.#pool, async (client) => {
      await putCode(client, code)
      await addNotification(client, notification)
    })
  }

  /**
   * Counts a try and answers whether the code is the right one and in force. In no transaction that could be rolled back:
   * a try that was made stays counted.
   */
  async try(presented: PresentedCode, nowMs: number): Promise<boolean> {
    const { rows } = await this.#pool.query<{ hash: Buffer }>({
      name: 'try-code',
      text: `update codes set try_count = try_count + 1
        where user_id = $1 and purpose = $2 and try_count < $3 and expire_time > $4
        returning hash`,
      values: [presented.userId, presented.purpose, codeTriesMax, new Date(nowMs)],
    })
    const [row] = rows
    return row !== undefined && timingSafeEqual(row.hash, presented.hash)
  }

  /** Deletes at most `countMax` codes whose time is past. */
  async deleteExpired(nowMs: number, countMax: number): Promise<number> {
    const { rowCount } = await this.#pool.query(
      `delete from codes where (user_id, purpose) in (
        select user_id, purpose from codes where expire_time <= $1 limit $2 for update skip locked)`,
      [new Date(nowMs), countMax],
    )
    return rowCount ?? 0
  }
}
