import type pg from 'pg'
import { transaction } from '../../runtime/postgres.js'
import { appendEvent } from '../audit/audit-chain.js'
import type { AuditWho } from '../audit/audit-record.js'
import { type PresentedCode, spendCode } from '../codes/code-store.js'
import { addNotification, type SealedNotification } from '../notifications/notification-store.js'
import { revokeSessions } from '../sessions/session-list.js'
import { userName } from '../users/user.js'

/** A password that takes the place of another, and what goes with it. */
export interface NewPassword {
  userId: string
  hash: string
  timeMs: number
  /** Who changes it. */
  who: AuditWho
  /** Tells the user; undefined when there is no contact that is certainly theirs. */
  notification: SealedNotification | undefined
}

export class PasswordStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** The hash; undefined without such a user. */
  async find(userId: string): Promise<string | undefined> {
    const { rows } = await this.#pool.query<{ hash: string }>({
      name: 'find-password',
      text: `select hash from passwords where user_id = $1`,
      values: [userId],
    })
    return rows[0]?.hash
  }

  /**
   * Replaces the password that was checked, and ends all sessions but one. False, and nothing is done, when it is another
   * by now: of two who change it at once one does.
   */
  async change(password: NewPassword, checkedHash: string, sessionId: string | undefined): Promise<boolean> {
    return await transaction(this.#pool, async (client) => {
      const { rowCount } = await client.query({
        name: 'change-password',
        text: `update passwords set hash = $3, update_time = $4 where user_id = $1 and hash = $2`,
        values: [password.userId, checkedHash, password.hash, new Date(password.timeMs)],
      })
      if (rowCount !== 1) return false
      await revokeSessions(client, password.userId, sessionId, 'PASSWORD_CHANGED', password.timeMs)
      await tell(client, password, 'PASSWORD_CHANGED')
      return true
    })
  }

  /** Spends a code that was tried and found right, for a new password, and ends all sessions. False when it was spent. */
  async reset(password: NewPassword, code: PresentedCode): Promise<boolean> {
    return await transaction(this.#pool, async (client) => {
      if (!(await spendCode(client, code))) return false
      await client.query({
        name: 'reset-password',
        text: `update passwords set hash = $2, update_time = $3 where user_id = $1`,
        values: [password.userId, password.hash, new Date(password.timeMs)],
      })
      await revokeSessions(client, password.userId, undefined, 'PASSWORD_RESET', password.timeMs)
      await tell(client, password, 'PASSWORD_RESET')
      return true
    })
  }
}

/** Tells the user, and the audit chain. */
async function tell(
  client: pg.ClientBase,
  { userId, who, timeMs, notification }: NewPassword,
  event: 'PASSWORD_CHANGED' | 'PASSWORD_RESET',
): Promise<void> {
  if (notification !== undefined) await addNotification(client, notification)
  await appendEvent(client, { event, who, timeMs, resource: userName(userId) })
}
