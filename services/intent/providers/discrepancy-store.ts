// Where a provider's word and ours do not agree, in PostgreSQL: a list for people.
import { type Pool, type PoolClient } from 'pg'
import { isUniqueViolation } from '../../runtime/postgres.js'
import { type FinalReport } from './provider.js'
import { type DiscrepancyKind } from './report-effect.js'

export interface NewDiscrepancy {
  readonly id: string
  readonly provider: string
  readonly kind: DiscrepancyKind
  readonly intentId: string | undefined
  readonly report: FinalReport
  /** Whether what the provider paid is to be booked from suspense, once the payment is over without it. */
  readonly isToBook: boolean
  readonly nowMs: number
}

export interface Discrepancy {
  readonly id: string
  readonly provider: string
  readonly kind: DiscrepancyKind
  readonly transferId: string
  readonly intentId: string | undefined
  readonly status: FinalReport['status']
  readonly amountMinor: bigint
  readonly currency: string
  readonly reference: string
  readonly eventCount: number
  readonly createMs: number
  readonly updateMs: number
  /** What the Ledger has booked from suspense; undefined while it has not. */
  readonly booked: { readonly amountMinor: bigint; readonly assetCode: string } | undefined
  readonly resolution: Resolution | undefined
}

export interface Resolution {
  readonly timeMs: number
  readonly resolver: string
  readonly note: string
}

const isNews = `(
  (excluded.status, excluded.amount_minor, excluded.currency)
    is distinct from (discrepancies.status, discrepancies.amount_minor, discrepancies.currency)
  or (excluded.booking = 'DUE' and discrepancies.booking is distinct from 'DUE' and discrepancies.book_minor is null)
)`

/**
 * Enters a discrepancy, or counts it when it is on the list. The last that the provider says is what is booked, until the
 * booking was begun. One that was resolved is open again when the provider says something else, or when money is to be booked
 * that was not before: nobody has looked into that.
 */
export async function noteDiscrepancy(client: Pool | PoolClient, found: NewDiscrepancy): Promise<void> {
  const { id, provider, kind, intentId, report, isToBook, nowMs } = found
  const { transferId, status, amountMinor, currency, reference } = report
  await client.query(
    `insert into discrepancies (id, provider, kind, transfer_id, intent_id, status, amount_minor, currency, reference,
       create_time, update_time, booking, book_after)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, case when $11::text is not null then now() end)
     on conflict (provider, transfer_id, kind) do update set
       event_count = discrepancies.event_count + 1, update_time = excluded.update_time, status = excluded.status,
       amount_minor = excluded.amount_minor, currency = excluded.currency, reference = excluded.reference,
       resolve_time = case when ${isNews} then null else discrepancies.resolve_time end,
       resolver = case when ${isNews} then null else discrepancies.resolver end,
       resolve_note = case when ${isNews} then null else discrepancies.resolve_note end,
       booking = case when discrepancies.book_minor is null then excluded.booking else discrepancies.booking end,
       book_after = case when discrepancies.book_minor is null then excluded.book_after else discrepancies.book_after end`,
    [
      id,
      provider,
      kind,
      transferId,
      intentId ?? null,
      status,
      amountMinor.toString(),
      currency,
      reference,
      new Date(nowMs),
      isToBook ? 'DUE' : null,
    ],
  )
}

/** The provider has now said what it did with the amount that it was asked for: another amount is booked no more. */
export async function dropMismatchBooking(client: PoolClient, provider: string, transferId: string): Promise<void> {
  await client.query(
    `update discrepancies set booking = 'NOT_NEEDED'
     where provider = $1 and transfer_id = $2 and kind = 'AMOUNT_MISMATCH' and booking = 'DUE' and book_minor is null`,
    [provider, transferId],
  )
}

const selectText =
  'select d.*, i.asset_code from discrepancies d left join intents i on d.book_minor is not null and i.id = d.intent_id'

export interface DiscrepancyQuery {
  readonly isResolved: boolean | undefined
  readonly kind: DiscrepancyKind | undefined
  readonly provider: string | undefined
  /** Only those entered before this one. */
  readonly beforeId: string | undefined
  readonly countMax: number
}

/** Newest first. */
export async function listDiscrepancies(pool: Pool, query: DiscrepancyQuery): Promise<Discrepancy[]> {
  const { isResolved, kind, provider, beforeId, countMax } = query
  const { rows } = await pool.query<DiscrepancyRow>(
    `${selectText}
     where ($1::boolean is null or (d.resolve_time is not null) = $1) and ($2::text is null or d.kind = $2)
       and ($3::text is null or d.provider = $3) and ($4::uuid is null or d.id < $4)
     order by d.id desc limit $5`,
    [isResolved ?? null, kind ?? null, provider ?? null, beforeId ?? null, countMax],
  )
  return rows.map(discrepancyFromRow)
}

export async function discrepancyById(pool: Pool, id: string): Promise<Discrepancy | undefined> {
  const { rows } = await pool.query<DiscrepancyRow>(`${selectText} where d.id = $1`, [id])
  return rows[0] && discrepancyFromRow(rows[0])
}

/** Writes how it was resolved, once; undefined when it was resolved before, or there is none. */
export async function resolveDiscrepancy(
  pool: Pool,
  id: string,
  { timeMs, resolver, note }: Resolution,
): Promise<Discrepancy | undefined> {
  const { rowCount } = await pool.query(
    `update discrepancies set resolve_time = $2, resolver = $3, resolve_note = $4
     where id = $1 and resolve_time is null`,
    [id, new Date(timeMs), resolver, note],
  )
  return rowCount === 1 ? await discrepancyById(pool, id) : undefined
}

export interface DueBooking {
  readonly id: string
  readonly provider: string
  readonly intentId: string
}

/** Takes what is to be booked of payments that are over; who takes one has it for half a minute. */
export async function claimBookings(pool: Pool, countMax: number): Promise<DueBooking[]> {
  const { rows } = await pool.query<{ id: string; provider: string; intent_id: string }>(
    `with due as materialized (
       select d.id from discrepancies d join intents i on i.id = d.intent_id
       where d.booking = 'DUE' and d.book_after <= now() and i.state not in ('VALIDATED', 'IN_REVIEW', 'AUTHORIZED')
       order by d.book_after limit $1 for update of d skip locked
     )
     update discrepancies d set book_after = now() + interval '30 seconds' from due where d.id = due.id
     returning d.id, d.provider, d.intent_id`,
    [countMax],
  )
  return rows.map((row) => ({ id: row.id, provider: row.provider, intentId: row.intent_id }))
}

/** What the Ledger is asked for. */
export interface BookingTry {
  readonly amountMinor: bigint
  /** 0 to 255: the Ledger has burnt the ids of those before. */
  readonly tryNumber: number
}

/**
 * The durable point before the Ledger is asked: how much is booked, the same ever after. Undefined, and the Ledger must not
 * be asked, when nothing is to be booked, or another booking of the same payment was begun before.
 */
export async function beginBooking(pool: Pool, id: string): Promise<BookingTry | undefined> {
  try {
    const { rows } = await pool.query<{ book_minor: bigint; book_try: number }>(
      `update discrepancies set book_minor = coalesce(book_minor, amount_minor) where id = $1 and booking = 'DUE'
       returning book_minor, book_try`,
      [id],
    )
    return rows[0] && { amountMinor: rows[0].book_minor, tryNumber: rows[0].book_try }
  } catch (error) {
    if (isUniqueViolation(error, 'discrepancies_one_booking')) return undefined
    throw error
  }
}

/**
 * The durable point before a booking is tried under the next id, after the Ledger has burnt that of this try. False, and it must
 * not be, when somebody went on before, or nothing is due any more.
 */
export async function tryBookingAgain(pool: Pool, id: string, tryNumber: number): Promise<boolean> {
  const { rowCount } = await pool.query(
    `update discrepancies set book_try = book_try + 1 where id = $1 and booking = 'DUE' and book_try = $2`,
    [id, tryNumber],
  )
  return rowCount === 1
}

/** Writes what became of a booking that was due. */
export async function finishBooking(pool: Pool, id: string, booking: 'BOOKED' | 'NOT_NEEDED'): Promise<void> {
  await pool.query(
    `update discrepancies
     set booking = $2::text,
         book_minor = case when $2::text = 'BOOKED' then book_minor end,
         book_time = case when $2::text = 'BOOKED' then now() end
     where id = $1 and booking = 'DUE'`,
    [id, booking],
  )
}

/** A booking that was begun, and so may have been made. */
export interface Booking {
  readonly provider: string
  readonly intentId: string
  readonly amountMinor: bigint
  /** Which try it is, 0 to 255. */
  readonly tryNumber: number
  /** When it was known to be made; undefined while it is not. */
  readonly bookMs: number | undefined
}

/** The bookings of these payments: of each at most one. */
export async function bookingsOf(pool: Pool, intentIds: readonly string[]): Promise<Booking[]> {
  const { rows } = await pool.query<{
    provider: string
    intent_id: string
    book_minor: bigint
    book_try: number
    book_time: Date | null
  }>(
    `select provider, intent_id, book_minor, book_try, book_time from discrepancies
     where intent_id = any($1::uuid[]) and book_minor is not null`,
    [intentIds],
  )
  return rows.map((row) => ({
    provider: row.provider,
    intentId: row.intent_id,
    amountMinor: row.book_minor,
    tryNumber: row.book_try,
    bookMs: row.book_time?.getTime(),
  }))
}

interface DiscrepancyRow {
  id: string
  provider: string
  kind: DiscrepancyKind
  transfer_id: string
  intent_id: string | null
  status: FinalReport['status']
  amount_minor: bigint
  currency: string
  reference: string
  event_count: number
  create_time: Date
  update_time: Date
  booking: 'DUE' | 'BOOKED' | 'NOT_NEEDED' | null
  book_minor: bigint | null
  asset_code: string | null
  resolve_time: Date | null
  resolver: string | null
  resolve_note: string | null
}

function discrepancyFromRow(row: DiscrepancyRow): Discrepancy {
  return {
    id: row.id,
    provider: row.provider,
    kind: row.kind,
    transferId: row.transfer_id,
    intentId: row.intent_id ?? undefined,
    status: row.status,
    amountMinor: row.amount_minor,
    currency: row.currency,
    reference: row.reference,
    eventCount: row.event_count,
    createMs: row.create_time.getTime(),
    updateMs: row.update_time.getTime(),
    booked: bookedOf(row),
    resolution: row.resolve_time === null ? undefined : resolutionOf(row, row.resolve_time),
  }
}

// In the asset of the payment, whatever currency the provider has named since.
function bookedOf({ booking, book_minor: amountMinor, asset_code: assetCode }: DiscrepancyRow): Discrepancy['booked'] {
  return booking !== 'BOOKED' || amountMinor === null || assetCode === null ? undefined : { amountMinor, assetCode }
}

function resolutionOf(row: DiscrepancyRow, time: Date): Resolution {
  return { timeMs: time.getTime(), resolver: row.resolver ?? '', note: row.resolve_note ?? '' }
}
