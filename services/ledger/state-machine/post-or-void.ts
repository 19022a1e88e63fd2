import { type State } from './state.js'
import { type Account } from './account.js'
import { type TransferResult, TransferStatus } from './status.js'
import { expiresAt, hasFlag, type Pending, PendingState, type Transfer, TransferFlag } from './transfer.js'
import { U128_MAX } from './u128.js'

const EXCLUSIVE =
  TransferFlag.PENDING |
  TransferFlag.BALANCING_DEBIT |
  TransferFlag.BALANCING_CREDIT |
  TransferFlag.CLOSING_DEBIT |
  TransferFlag.CLOSING_CREDIT

/** What a post or void works on. */
interface Hold {
  readonly transfer: Transfer
  readonly pending: Pending
  readonly debit: Account
  readonly credit: Account
}

/** Posts a pending transfer, wholly or in part, or voids it; either way what is left of the hold is released. */
export function postOrVoid(state: State, event: Transfer, slot: bigint): TransferResult {
  const malformed = fieldStatus(event)
  if (malformed !== undefined) return { status: malformed, timestamp: slot }

  const pendingTransfer = state.contents.transfers.get(event.pendingId)
  if (pendingTransfer === undefined) return { status: TransferStatus.PENDING_TRANSFER_NOT_FOUND, timestamp: slot }
  const hold = holdOf(state, pendingTransfer)
  if (hold === undefined) return { status: TransferStatus.PENDING_TRANSFER_NOT_PENDING, timestamp: slot }

  const amount = resolvedAmount(event, pendingTransfer)
  const refused =
    differenceStatus(event, pendingTransfer) ??
    amountStatus(event, amount, pendingTransfer) ??
    resolvedStatus(hold, slot) ??
    importedStatus(state, event) ??
    closedStatus(event, hold)
  if (refused !== undefined) return { status: refused, timestamp: slot }

  const timestamp = hasFlag(event.flags, TransferFlag.IMPORTED) ? event.timestamp : slot
  apply(state, resolution(event, pendingTransfer, amount, timestamp), hold)
  return { status: TransferStatus.CREATED, timestamp }
}

function fieldStatus(event: Transfer): TransferStatus | undefined {
  const posts = hasFlag(event.flags, TransferFlag.POST_PENDING_TRANSFER)
  const voids = hasFlag(event.flags, TransferFlag.VOID_PENDING_TRANSFER)
  if ((posts && voids) || hasFlag(event.flags, EXCLUSIVE)) return TransferStatus.FLAGS_ARE_MUTUALLY_EXCLUSIVE
  if (event.pendingId === 0n) return TransferStatus.PENDING_ID_MUST_NOT_BE_ZERO
  if (event.pendingId === U128_MAX) return TransferStatus.PENDING_ID_MUST_NOT_BE_INT_MAX
  if (event.pendingId === event.id) return TransferStatus.PENDING_ID_MUST_BE_DIFFERENT
  if (event.timeoutSeconds !== 0) return TransferStatus.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
  return undefined
}

/** The hold of a transfer; undefined when the transfer was never pending. */
function holdOf(state: State, transfer: Transfer): Hold | undefined {
  if (!hasFlag(transfer.flags, TransferFlag.PENDING)) return undefined
  const pending = state.contents.pendings.get(transfer.id)
  const debit = state.contents.accounts.get(transfer.debitAccountId)
  const credit = state.contents.accounts.get(transfer.creditAccountId)
  if (pending === undefined || debit === undefined || credit === undefined) {
    throw new Error(`the hold ${transfer.id} was not loaded whole`)
  }
  return { transfer, pending, debit, credit }
}

/** A post of AMOUNT_MAX and a void of zero mean all of it. */
function resolvedAmount(event: Transfer, pending: Transfer): bigint {
  const posts = hasFlag(event.flags, TransferFlag.POST_PENDING_TRANSFER)
  const full = posts ? event.amount === U128_MAX : event.amount === 0n
  return full ? pending.amount : event.amount
}

/** What the request names must agree with the pending transfer; zero names nothing. */
function differenceStatus(event: Transfer, pending: Transfer): TransferStatus | undefined {
  if (event.debitAccountId !== 0n && event.debitAccountId !== pending.debitAccountId) {
    return TransferStatus.PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID
  }
  if (event.creditAccountId !== 0n && event.creditAccountId !== pending.creditAccountId) {
    return TransferStatus.PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID
  }
  if (event.ledger !== 0 && event.ledger !== pending.ledger) return TransferStatus.PENDING_TRANSFER_HAS_DIFFERENT_LEDGER
  if (event.code !== 0 && event.code !== pending.code) return TransferStatus.PENDING_TRANSFER_HAS_DIFFERENT_CODE
  return undefined
}

function amountStatus(event: Transfer, amount: bigint, pending: Transfer): TransferStatus | undefined {
  if (amount > pending.amount) return TransferStatus.EXCEEDS_PENDING_TRANSFER_AMOUNT
  const voids = hasFlag(event.flags, TransferFlag.VOID_PENDING_TRANSFER)
  return voids && amount < pending.amount ? TransferStatus.PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT : undefined
}

/** A hold is over from the very nanosecond it expires, whether or not it was swept yet. */
function resolvedStatus({ pending, transfer }: Hold, now: bigint): TransferStatus | undefined {
  switch (pending.state) {
    case PendingState.POSTED:
      return TransferStatus.PENDING_TRANSFER_ALREADY_POSTED
    case PendingState.VOIDED:
      return TransferStatus.PENDING_TRANSFER_ALREADY_VOIDED
    case PendingState.EXPIRED:
      return TransferStatus.PENDING_TRANSFER_EXPIRED
    case PendingState.PENDING: {
      const expiry = expiresAt(transfer)
      return expiry !== undefined && expiry <= now ? TransferStatus.PENDING_TRANSFER_EXPIRED : undefined
    }
  }
}

function importedStatus(state: State, { flags, timestamp }: Transfer): TransferStatus | undefined {
  if (!hasFlag(flags, TransferFlag.IMPORTED)) return undefined
  const regresses = timestamp <= state.clocks.lastTransfer || state.accountAt(timestamp)
  return regresses ? TransferStatus.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS : undefined
}

/** A closed account takes no post, but gives back what it holds. */
function closedStatus(event: Transfer, { debit, credit }: Hold): TransferStatus | undefined {
  if (hasFlag(event.flags, TransferFlag.VOID_PENDING_TRANSFER)) return undefined
  if (debit.closed) return TransferStatus.DEBIT_ACCOUNT_ALREADY_CLOSED
  if (credit.closed) return TransferStatus.CREDIT_ACCOUNT_ALREADY_CLOSED
  return undefined
}

/** The transfer as it is kept: accounts, ledger and code of the pending one, user data where the request has none. */
function resolution(event: Transfer, pending: Transfer, amount: bigint, timestamp: bigint): Transfer {
  return {
    id: event.id,
    debitAccountId: pending.debitAccountId,
    creditAccountId: pending.creditAccountId,
    amount,
    pendingId: event.pendingId,
    userData128: event.userData128 === 0n ? pending.userData128 : event.userData128,
    userData64: event.userData64 === 0n ? pending.userData64 : event.userData64,
    userData32: event.userData32 === 0 ? pending.userData32 : event.userData32,
    timeoutSeconds: 0,
    ledger: pending.ledger,
    code: pending.code,
    flags: event.flags,
    timestamp,
  }
}

/** No limit and no overflow is checked again: the hold had room for it. */
function apply(state: State, transfer: Transfer, { transfer: held, pending, debit, credit }: Hold): void {
  const posts = hasFlag(transfer.flags, TransferFlag.POST_PENDING_TRANSFER)
  const movement = { pending: -held.amount, posted: posts ? transfer.amount : 0n }
  state.insertTransfer(transfer)
  state.resolvePending(pending, posts ? PendingState.POSTED : PendingState.VOIDED)
  state.debit(debit, movement)
  state.credit(credit, movement)
  // Only a void gets here with a closing hold: its account is closed, and a closed account takes no post.
  if (hasFlag(held.flags, TransferFlag.CLOSING_DEBIT)) state.setClosed(debit, false)
  if (hasFlag(held.flags, TransferFlag.CLOSING_CREDIT)) state.setClosed(credit, false)
  state.recordBalances(transfer, debit, credit)
}
