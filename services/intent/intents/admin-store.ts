// What operators ask of all intents, in PostgreSQL.
import { type Pool } from 'pg'
import { type Intent, type IntentState } from './intent.js'
import { intentFromRow, type IntentRow } from './intent-row.js'
import { isUnfinished, waitsForProvider } from './intent-store.js'
import { firstIdOf } from './intents-of-period.js'

export interface StuckIntent {
  readonly intent: Intent
  readonly attempts: number
  readonly nextAttemptMs: number
}

/**
 * Intents that the resumer took since they last changed, and that still are unfinished; most often taken first. Those that a
 * provider has belong there when it was asked about them for a quarter of an hour.
 */
export async function stuckIntents(pool: Pool, countMax: number): Promise<StuckIntent[]> {
  const { rows } = await pool.query<IntentRow & { resume_count: number; resume_after: Date }>(
    `select * from (
       select * from intents where ${isUnfinished} and resume_count > 0
       union all
       select * from intents where ${waitsForProvider} and resume_count > (case when provider_ask_time is null then 0 else 8 end)
     ) stuck order by resume_count desc, id limit $1`,
    [countMax],
  )
  return rows.map((row) => ({
    intent: intentFromRow(row),
    attempts: row.resume_count,
    nextAttemptMs: row.resume_after.getTime(),
  }))
}

export interface Total {
  /** Such as "2026-11-24", in UTC. */
  readonly day: string
  readonly assetCode: string
  readonly operationType: string
  readonly state: IntentState
  readonly count: bigint
  /** Decimal numbers: a sum need not fit int64. */
  readonly amountMinor: string
  readonly feeMinor: string
}

interface TotalRow {
  day: string
  asset_code: string
  operation_type: string
  state: IntentState
  count: bigint
  amount: string
  fee: string
}

// By the primary key, whose first bits are the milliseconds of creation; a minute more on both sides, because the id is
// made a moment before the time of creation is read.
const totalsText = `
  select to_char(create_time at time zone 'UTC', 'YYYY-MM-DD') as day, asset_code, operation_type, state,
         count(*) as count, sum(coalesce(settled_minor, amount_minor))::text as amount,
         coalesce(sum(fees_minor) filter (where state = 'SETTLED'), 0)::text as fee
  from intents
  where create_time >= $1 and create_time < $2 and id >= $3 and id < $4
  group by 1, 2, 3, 4 order by 1, 2, 3, 4`
const marginMs = 60_000

/** Sums up the intents created in a period, in milliseconds since 1970, its end exclusive. */
export async function totalsOfPeriod(pool: Pool, startMs: number, endMs: number): Promise<Total[]> {
  const { rows } = await pool.query<TotalRow>(totalsText, [
    new Date(startMs),
    new Date(endMs),
    firstIdOf(Math.max(startMs - marginMs, 0)),
    firstIdOf(endMs + marginMs),
  ])
  return rows.map((row) => ({
    day: row.day,
    assetCode: row.asset_code,
    operationType: row.operation_type,
    state: row.state,
    count: row.count,
    amountMinor: row.amount,
    feeMinor: row.fee,
  }))
}
