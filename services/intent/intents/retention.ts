// What of Intent's tables may be forgotten, and forgetting it.
//
// Never forgotten: intents and the requests about them (an idempotency key holds for ever), wallets and the orders about
// them, rules of top-ups, discrepancies. Events that were published are gone already, and so are, after 30 days, webhook
// deliveries that ended.
import { type Pool } from 'pg'

export const retentionKinds = ['webhookDeliveries', 'providerEvents', 'deadLetters'] as const
export type RetentionKind = (typeof retentionKinds)[number]

interface Table {
  readonly name: string
  readonly isOld: string
}

const tables: Readonly<Record<RetentionKind, Table>> = {
  webhookDeliveries: { name: 'webhook_deliveries', isOld: 'complete_time < $1' },
  // While somebody looks into a discrepancy, what the provider said stays with it.
  providerEvents: {
    name: 'provider_events',
    isOld: `receive_time < $1 and not exists (
      select from discrepancies d
      where d.provider = t.provider and d.transfer_id = t.transfer_id and d.resolve_time is null
    )`,
  },
  // Consumers never hear of it, and what of its intent waits behind it goes out: for who has given it up.
  deadLetters: { name: 'outbox', isOld: 'dead_time < $1' },
}

/** How many rows of a kind are older than a time, at most `countMax`. */
export async function countOld(pool: Pool, kind: RetentionKind, before: Date, countMax: number): Promise<number> {
  const { name, isOld } = tables[kind]
  const { rows } = await pool.query<{ count: bigint }>(
    `select count(*) from (select from ${name} t where ${isOld} limit $2) old`,
    [before, countMax],
  )
  return Number(rows[0]?.count ?? 0n)
}

// Some milliseconds of locks, which no payment waits for.
const batchSize = 1_000

/**
 * Forgets rows of a kind that are older than a time, at most `countMax`, and answers how many. Each batch is committed by
 * itself: cut off, it has done a part, and the same call does the rest.
 */
export async function forgetOld(pool: Pool, kind: RetentionKind, before: Date, countMax: number): Promise<number> {
  const { name, isOld } = tables[kind]
  let forgotten = 0
  while (forgotten < countMax) {
    const limit = Math.min(batchSize, countMax - forgotten)
    const { rowCount } = await pool.query(
      `delete from ${name} where ctid = any(array(
         select t.ctid from ${name} t where ${isOld} limit $2 for update skip locked
       ))`,
      [before, limit],
    )
    forgotten += rowCount ?? 0
    if ((rowCount ?? 0) < limit) break
  }
  return forgotten
}
