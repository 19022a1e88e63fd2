import type pg from 'pg'
import { Coalescer } from '../../runtime/coalesce.js'
import { type Logger } from '../../runtime/logger.js'
import { int4Array, int8Array, numericArray, uuidArray } from '../../runtime/postgres-arrays.js'
import { failureOf, type FailureRow } from '../postgres-engine/rows.js'
import { type Account } from '../state-machine/account.js'
import { type FailedTransfer } from '../state-machine/transfer.js'

// What PostgreSQL keeps beside TigerBeetle, in the tables that the PostgreSQL engine would use (batch 0, which it never
// has). TigerBeetle is the truth and is written first; a note that is missing because the process died in between costs
// comfort and never money:
//
// - accounts: the unchanging facts of accounts that have a name, with counters of zero, so that names can be listed in
//   the order of creation. Without the note the account counts as one whose creation was interrupted: repeating it
//   completes it.
// - failed_transfers: why an id was spent. TigerBeetle remembers that an id was, not by what. Without the note a
//   repeated chain is refused as `id_already_failed` instead of as the first time; it is never posted.

const CLAIM = `
  with unused as (delete from ledger_head where epoch = 0)
  select epoch::text from ledger_head where epoch <> 0`

const NOTE_ACCOUNTS = `
  insert into accounts (timestamp, batch, ledger, user_data_32, code, flags, closed, id, user_data_128, user_data_64,
    debits_pending, debits_posted, credits_pending, credits_posted)
  select a.timestamp, 0, a.ledger, 0, a.code, a.flags, false, a.id, null, 0, 0, 0, 0, 0
  from unnest($1::int8[], $2::int8[], $3::int4[], $4::int4[], $5::uuid[]) as a (timestamp, ledger, code, flags, id)
  where a.id in (select id from named_accounts)
  on conflict do nothing`

const NOTE_FAILURES = `
  insert into failed_transfers (batch, status, id, user_data_64)
  select 0, f.status, f.id, f.user_data_64
  from unnest($1::int4[], $2::uuid[], $3::numeric[]) as f (status, id, user_data_64)
  on conflict do nothing`

const FIND_FAILURES = 'select id, status, user_data_64::text from failed_transfers where id = any($1::uuid[])'

// Failures that were just seen, so that a caller who repeats at once reads its own: about a minute's at 150 a second.
const RECENT_MAX = 10_000
const FAILURES_WAITING_MAX = 16_384

/** What the engine asks of its notes. */
export type EngineNotes = Pick<Notes, 'noteAccounts' | 'noteFailures' | 'findFailures'>

/** For a ledger that is asked by ids alone, and never why an id was spent: it needs no database. */
export const NO_NOTES: EngineNotes = {
  noteAccounts: () => Promise.resolve(),
  noteFailures: () => Promise.resolve(),
  findFailures: () => Promise.resolve([]),
}

export class Notes {
  readonly #pool: pg.Pool
  readonly #log: Logger
  /** The oldest first. */
  readonly #recent = new Map<bigint, FailedTransfer>()
  readonly #failures: Coalescer<FailedTransfer, undefined>

  constructor(pool: pg.Pool, log: Logger) {
    this.#pool = pool
    this.#log = log
    this.#failures = new Coalescer({
      flush: (failures) => this.#writeFailures(failures),
      itemsMax: 1_000,
      queueMax: FAILURES_WAITING_MAX,
      inFlightMax: 1,
    })
  }

  /**
   * Makes the database one whose books are in TigerBeetle: without its head the PostgreSQL engine never becomes the
   * writer there. Throws when that engine has kept books in it.
   */
  async claim(): Promise<void> {
    const { rows } = await this.#pool.query(CLAIM)
    if (rows.length === 0) return
    throw new Error('This database holds the books of the PostgreSQL engine. TigerBeetle needs a database of its own.')
  }

  async noteAccounts(accounts: readonly Account[]): Promise<void> {
    await this.#pool.query({
      name: 'ledger-note-accounts',
      text: NOTE_ACCOUNTS,
      values: [
        int8Array(accounts.map(({ timestamp }) => timestamp)),
        int8Array(accounts.map(({ ledger }) => ledger)),
        int4Array(accounts.map(({ code }) => code)),
        int4Array(accounts.map(({ flags }) => flags)),
        uuidArray(accounts.map(({ id }) => id)),
      ],
    })
  }

  /** Never rejects: the ids are spent whether or not it is known why. */
  async noteFailures(failures: readonly FailedTransfer[]): Promise<void> {
    for (const failure of failures) this.#keepRecent(failure)
    const written = await Promise.allSettled(failures.map((failure) => this.#failures.add(failure)))
    const lost = written.find((result) => result.status === 'rejected')
    if (lost !== undefined) this.#log.warn({ err: lost.reason as unknown }, 'why transfer ids were spent is not noted')
  }

  /** In the order asked. */
  async findFailures(ids: readonly bigint[]): Promise<FailedTransfer[]> {
    const missing = ids.filter((id) => !this.#recent.has(id))
    const values = [uuidArray(missing)]
    const { rows } = await this.#pool.query<FailureRow>({ name: 'ledger-find-failures', text: FIND_FAILURES, values })
    const found = new Map(rows.map(failureOf).map((failure) => [failure.id, failure]))
    return ids.flatMap((id) => this.#recent.get(id) ?? found.get(id) ?? [])
  }

  /** The first failure of an id is the one that spent it. */
  #keepRecent(failure: FailedTransfer): void {
    if (this.#recent.has(failure.id)) return
    this.#recent.set(failure.id, failure)
    if (this.#recent.size <= RECENT_MAX) return
    for (const oldest of this.#recent.keys()) {
      this.#recent.delete(oldest)
      return
    }
  }

  async #writeFailures(failures: readonly FailedTransfer[]): Promise<undefined[]> {
    const values = [
      int4Array(failures.map(({ status }) => status)),
      uuidArray(failures.map(({ id }) => id)),
      numericArray(failures.map(({ userData64 }) => userData64)),
    ]
    await this.#pool.query({ name: 'ledger-note-failures', text: NOTE_FAILURES, values })
    return failures.map(() => undefined)
  }
}
