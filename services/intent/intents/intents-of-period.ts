// The intents that were under way at some moment of a period, in the order of their ids, which is that of their creation.
//
// An id begins with the time of its creation, so the period is a range of the primary key, with a margin before it for
// intents that were under way when it began. Those that took longer than the margin are few and have an index.
import { type Pool } from 'pg'
import { type Intent } from './intent.js'
import { intentFromRow, type IntentRow } from './intent-row.js'
import { isUnfinished, waitsForProvider } from './intent-store.js'

export interface PeriodFilter {
  /** Only of this wallet; undefined: of anybody's. */
  readonly walletId: string | undefined
  /** Milliseconds since 1970. */
  readonly startMs: number
  /** Exclusive. */
  readonly endMs: number
  /** Only intents created after this one. */
  readonly afterId: string | undefined
  readonly countMax: number
}

// What is asked for is wider than the period by this much, so that clocks of different machines lose no intent.
const skewMs = 60_000
// How much earlier than it settled an intent can have been created and not be in intents_settled_late (one minute), and
// how far its id may be from its create_time (another).
const marginMs = 120_000

/**
 * Settled and unfinished intents, and those of which a booking from suspense was made or begun; the others moved nothing, or
 * gave back what they held. A booking is on no wallet.
 */
export async function intentsOfPeriod(pool: Pool, filter: PeriodFilter): Promise<Intent[]> {
  const startMs = Math.max(filter.startMs - skewMs, 0)
  const endMs = filter.endMs + skewMs
  const values: unknown[] = [
    new Date(startMs),
    new Date(endMs),
    firstIdOf(startMs - marginMs),
    firstIdOf(endMs + marginMs),
    filter.afterId ?? firstIdOf(0),
    filter.countMax,
    ...(filter.walletId === undefined ? [] : [filter.walletId]),
  ]
  const owns = filter.walletId === undefined ? ['true'] : ['i.payer_wallet = $7', 'i.payee_wallet = $7']
  const pages = owns.flatMap((own) => ways.map((way) => page(own, way)))
  if (filter.walletId === undefined) pages.push(booked)
  const { rows } = await pool.query<IntentRow>(
    `select i.* from (${pages.join(' union ')}) found join intents i on i.id = found.id order by i.id limit $6`,
    values,
  )
  return rows.map(intentFromRow)
}

// Each by an index: the primary key or the wallet's, intents_settled_late, intents_unfinished, intents_with_provider.
const ways = [
  `i.id >= $3 and i.id < $4 and i.state in ('SETTLED', 'VALIDATED', 'AUTHORIZED') and i.create_time < $2
    and (i.settle_time >= $1 or i.settle_time is null)`,
  `i.id < $3 and i.settle_time - i.create_time > interval '1 minute' and i.settle_time >= $1`,
  `i.id < $3 and ${isUnfinished}`,
  `i.id < $3 and ${waitsForProvider}`,
] as const

// By discrepancies_by_booking.
const booked = `(select intent_id as id from discrepancies
  where book_minor is not null and create_time < $2 and (book_time >= $1 or book_time is null) and intent_id > $5
  order by 1 limit $6)`

function page(own: string, way: string): string {
  return `(select i.id from intents i where ${own} and ${way} and i.id > $5 order by i.id limit $6)`
}

/** The lowest id that a UUIDv7 of this millisecond can be. */
export function firstIdOf(ms: number): string {
  const hex = Math.max(Math.floor(ms), 0).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`
}
