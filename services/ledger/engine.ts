import { type Account, type AccountEvent, type BalanceRow } from './state-machine/account.js'
import { type AccountFilter, type QueryFilter } from './state-machine/filters.js'
import { type AccountResult, type TransferResult } from './state-machine/status.js'
import { type FailedTransfer, type Transfer } from './state-machine/transfer.js'

/** The most events of one call, and so the longest chain: what the smaller configuration of a TigerBeetle server takes. */
export const EVENTS_MAX = 253

/** What became of a call that creates transfers. */
export interface Decided {
  /** One an event, in order. */
  readonly results: readonly TransferResult[]
  /** The accounts that the call touched, as they were right after it; empty unless asked for. */
  readonly accounts: readonly Account[]
  /** Which of `accounts`, by id, were read a moment after the call, so that others' transfers may be counted in them. */
  readonly accountsReadLater: ReadonlySet<bigint>
}

export const NONE_READ_LATER: ReadonlySet<bigint> = new Set()

/**
 * Why a call was not decided.
 *
 * - `overloaded`: the queue is full; nothing was done.
 * - `abandoned`: the caller was gone before its turn; nothing was done.
 * - `not_writer`: another process is the writer, or none is yet; nothing was done.
 * - `outcome_unknown`: the store failed while the call was under way; the same ids settle what became of it.
 */
export type UndecidedReason = 'overloaded' | 'abandoned' | 'not_writer' | 'outcome_unknown'

/** A call was not decided, for a reason that passes. */
export class UndecidedError extends Error {
  override readonly name = 'UndecidedError'
  readonly reason: UndecidedReason

  constructor(reason: UndecidedReason, cause?: unknown) {
    super(`The call was not decided: ${reason}.`, { cause })
    this.reason = reason
  }
}

/** How a call that creates transfers is made. */
export interface TransferOptions {
  /** Ends the call's wait for its turn. Once its turn came, the call is decided whatever happens to the caller. */
  readonly signal?: AbortSignal
  /** Whether the answer carries the accounts. */
  readonly withAccounts?: boolean
}

/**
 * The ledger: decides events in one total order, and has them safe before it answers. Events are within their wire
 * ranges and at most EVENTS_MAX a call. Rejects with UndecidedError; any other error is a bug, and then nothing was done.
 */
export interface Engine {
  createAccounts(events: readonly AccountEvent[], signal?: AbortSignal): Promise<readonly AccountResult[]>
  createTransfers(events: readonly Transfer[], options?: TransferOptions): Promise<Decided>
  /** Everything that was committed before the call is seen. In the order asked; what does not exist is left out. */
  lookupAccounts(ids: readonly bigint[]): Promise<readonly Account[]>
  lookupTransfers(ids: readonly bigint[]): Promise<readonly Transfer[]>
  lookupFailures(ids: readonly bigint[]): Promise<readonly FailedTransfer[]>
  /**
   * Reads by filter, in the order of the timestamps or against it. An invalid filter matches nothing. The limit is at
   * most QUERY_LIMIT_MAX; a caller goes on after the last timestamp of a page. What such a read costs follows from what
   * it answers and not from how long the ledger's history is, as long as one field of the filter is selective.
   */
  getAccountTransfers(filter: AccountFilter): Promise<readonly Transfer[]>
  /** The balances after each matching transfer; none of an account without the history flag. */
  getAccountBalances(filter: AccountFilter): Promise<readonly BalanceRow[]>
  queryAccounts(filter: QueryFilter): Promise<readonly Account[]>
  queryTransfers(filter: QueryFilter): Promise<readonly Transfer[]>
}

/** An engine as a process runs it. */
export interface RunningEngine extends Engine {
  /** Whether this process can write now. */
  readonly isWriter: boolean
  /** How many events wait or are under way. */
  readonly queuedEvents: number
  /** How many accounts this process keeps in memory. */
  readonly cachedAccounts: number
  start(): void
  /** Calls that wait are rejected. */
  stop(): Promise<void>
}
