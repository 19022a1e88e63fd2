import type pg from 'pg'
import { transaction } from '../../runtime/postgres.js'
import { type PresentedCode, spendCode } from '../codes/code-store.js'
import { addNotification, type SealedNotification } from '../notifications/notification-store.js'

export interface NewPin {
  userId: string
  hash: string
  timeMs: number
  /** The code that has to be spent for it; undefined when none is needed. */
  code: PresentedCode | undefined
  notification: SealedNotification | undefined
}

export class PinStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** The hash; undefined when no PIN is set. */
  async find(userId: string): Promise<string | undefined> {
    const { rows } = await this.#pool.query<{ hash: string }>({
      name: 'find-pin',
      text: `select hash from pins where user_id = $1`,
      values: [userId],
    })
    return rows[0]?.hash
  }

  /** Sets a PIN in the place of the one before. False, and nothing is done, when the code was spent meanwhile. */
  async set(pin: NewPin): Promise<boolean> {
    return await transaction(this.#pool, async (client) => {
      if (pin.code !== undefined && !(await spendCode(client, pin.code))) return false
      await client.query({
        name: 'set-pin',
        text: `insert into pins (user_id, hash, update_time) values ($1, $2, $3)
          on conflict (user_id) do update set hash = excluded.hash, update_time = excluded.update_time`,
        values: [pin.userId, pin.hash, new Date(pin.timeMs)],
      })
      if (pin.notification !== undefined) await addNotification(client, pin.notification)
      return true
    })
  }
}
