import { status } from '@grpc/grpc-js'
import type { ErrorReason } from '../../gen/paymesh/ledger/v1/error_reason.js'
import { RpcError } from '../runtime/rpc-error.js'
import { type Engine, UndecidedError, type UndecidedReason } from './engine.js'

export const DOMAIN = 'ledger.paymesh'

type Reason = Exclude<keyof typeof ErrorReason, 'UNSPECIFIED' | 'UNRECOGNIZED'>

/** The code of each reason: what the caller does next. Exhaustive over the contract's enum. */
const CODES: Readonly<Record<Reason, status>> = {
  INVALID_FIELD: status.INVALID_ARGUMENT,
  ACCOUNT_NOT_FOUND: status.NOT_FOUND,
  ACCOUNT_EXISTS_DIFFERENT: status.ALREADY_EXISTS,
  ASSET_NOT_FOUND: status.NOT_FOUND,
  ASSET_EXISTS_DIFFERENT: status.ALREADY_EXISTS,
  REQUEST_ID_REUSED: status.ALREADY_EXISTS,
  INSUFFICIENT_FUNDS: status.FAILED_PRECONDITION,
  CHAIN_REFUSED: status.FAILED_PRECONDITION,
  OVERLOADED: status.RESOURCE_EXHAUSTED,
  OUTCOME_UNKNOWN: status.UNAVAILABLE,
  NOT_WRITER: status.UNAVAILABLE,
  BATCH_TOO_LARGE: status.INVALID_ARGUMENT,
  ETAG_MISMATCH: status.ABORTED,
  ACCOUNT_CLOSED: status.FAILED_PRECONDITION,
  ACCOUNT_NOT_EMPTY: status.FAILED_PRECONDITION,
  HOLD_NOT_FOUND: status.NOT_FOUND,
  HOLD_ALREADY_POSTED: status.FAILED_PRECONDITION,
  HOLD_ALREADY_VOIDED: status.FAILED_PRECONDITION,
  HOLD_EXPIRED: status.FAILED_PRECONDITION,
  HOLD_EXCEEDED: status.FAILED_PRECONDITION,
  BOOKS_ELSEWHERE: status.UNIMPLEMENTED,
  LIMIT_ASSET_MISMATCH: status.FAILED_PRECONDITION,
  NO_HISTORY: status.FAILED_PRECONDITION,
  TOO_MANY_RECORDS: status.INVALID_ARGUMENT,
  RECORDS_INCOMPLETE: status.UNAVAILABLE,
}

// A queue that is full is worked off in about half a second at the full rate.
const OVERLOADED_RETRY_MS = 500

/** A failure as the contract names it. */
export function ledgerError(
  reason: Reason,
  message: string,
  metadata: Readonly<Record<string, string>> = {},
  cause?: unknown,
): RpcError {
  const retry = reason === 'OVERLOADED' ? { retryAfterMs: OVERLOADED_RETRY_MS } : {}
  return new RpcError({ code: CODES[reason], reason, domain: DOMAIN, message, metadata, cause, ...retry })
}

const UNDECIDED: Readonly<Record<UndecidedReason, { readonly reason: Reason; readonly message: string }>> = {
  overloaded: { reason: 'OVERLOADED', message: 'The queue of writes is full; nothing was done.' },
  // Nobody reads this answer: its caller is gone.
  abandoned: { reason: 'OVERLOADED', message: 'The caller was gone before its turn; nothing was done.' },
  not_writer: { reason: 'NOT_WRITER', message: 'This replica is not the writer; nothing was done.' },
  outcome_unknown: {
    reason: 'OUTCOME_UNKNOWN',
    message: 'The store failed and whether the write happened is unknown; the same ids settle it.',
  },
}

/** What the engine rejects with, as the contract names it; anything else, a bug, as it is. */
export function engineError(error: unknown): unknown {
  if (!(error instanceof UndecidedError)) return error
  const { reason, message } = UNDECIDED[error.reason]
  return ledgerError(reason, message, {}, error)
}

/** Awaits an engine's answer with its failures named by the contract. */
export async function decided<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    throw engineError(error)
  }
}

/** An engine whose reads, too, fail as the contract names it. An engine that is another process may be out of reach. */
export function withContractErrors(engine: Engine): Engine {
  return {
    createAccounts: (events, signal) => decided(engine.createAccounts(events, signal)),
    createTransfers: (events, options) => decided(engine.createTransfers(events, options)),
    lookupAccounts: (ids) => decided(engine.lookupAccounts(ids)),
    lookupTransfers: (ids) => decided(engine.lookupTransfers(ids)),
    lookupFailures: (ids) => decided(engine.lookupFailures(ids)),
    getAccountTransfers: (filter) => decided(engine.getAccountTransfers(filter)),
    getAccountBalances: (filter) => decided(engine.getAccountBalances(filter)),
    queryAccounts: (filter) => decided(engine.queryAccounts(filter)),
    queryTransfers: (filter) => decided(engine.queryTransfers(filter)),
  }
}

/** The books, or BOOKS_ELSEWHERE. */
export function booksOf<B>(books: B | undefined): B {
  if (books !== undefined) return books
  throw ledgerError('BOOKS_ELSEWHERE', 'Another engine keeps the books of this Ledger, and proves them itself.')
}
