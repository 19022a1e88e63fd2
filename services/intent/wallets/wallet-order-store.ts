// Who asked to freeze, unfreeze or close a wallet, and why: written before the Ledger is asked, kept for ever.
import { type Pool } from 'pg'

export interface WalletOrder {
  readonly walletId: string
  /** A UUIDv7. */
  readonly id: string
  readonly kind: 'FREEZE' | 'UNFREEZE' | 'CLOSE'
  readonly reason: string
  /** Who asked, such as `users/{user}`. */
  readonly actor: string
  readonly createTimeMs: number
}

export async function recordWalletOrder(pool: Pool, order: WalletOrder): Promise<void> {
  await pool.query(
    `insert into wallet_orders (wallet_id, id, kind, reason, actor, create_time) values ($1, $2, $3, $4, $5, $6)`,
    [order.walletId, order.id, order.kind, order.reason, order.actor, new Date(order.createTimeMs)],
  )
}

/** Why each wallet was last asked to be frozen. */
export async function freezeReasons(pool: Pool, walletIds: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ wallet_id: string; reason: string }>(
    `select distinct on (wallet_id) wallet_id, reason from wallet_orders
     where wallet_id = any($1::uuid[]) and kind = 'FREEZE' order by wallet_id, id desc`,
    [walletIds],
  )
  return new Map(rows.map((row) => [row.wallet_id, row.reason]))
}
