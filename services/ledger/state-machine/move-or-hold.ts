import { type Account, AccountFlag } from './account.js'
import { type State } from './state.js'
import { type TransferResult, TransferStatus } from './status.js'
import { hasFlag, type Transfer, TransferFlag } from './transfer.js'
import { min, NANOSECONDS_PER_SECOND, overflows, saturatingSubtract, TIMESTAMP_MAX, U128_MAX } from './u128.js'

const CLOSING = TransferFlag.CLOSING_DEBIT | TransferFlag.CLOSING_CREDIT

interface Accounts {
  readonly debit: Account
  readonly credit: Account
}

/** Moves an amount at once, or holds it (`pending`) until it is posted, voided or expires. */
export function moveOrHold(state: State, event: Transfer, slot: bigint): TransferResult {
  const malformed = fieldStatus(event)
  if (malformed !== undefined) return { status: malformed, timestamp: slot }

  const debit = state.contents.accounts.get(event.debitAccountId)
  if (debit === undefined) return { status: TransferStatus.DEBIT_ACCOUNT_NOT_FOUND, timestamp: slot }
  const credit = state.contents.accounts.get(event.creditAccountId)
  if (credit === undefined) return { status: TransferStatus.CREDIT_ACCOUNT_NOT_FOUND, timestamp: slot }

  const accounts = { debit, credit }
  const imported = hasFlag(event.flags, TransferFlag.IMPORTED)
  const refused =
    ledgerStatus(event, accounts) ??
    (imported ? importedStatus(state, event, accounts) : undefined) ??
    closedStatus(accounts)
  if (refused !== undefined) return { status: refused, timestamp: slot }

  const amount = clampedAmount(event, accounts)
  const timestamp = imported ? event.timestamp : slot
  const transfer: Transfer = { ...event, amount, timestamp }
  const unbalanced = overflowStatus(transfer, accounts) ?? limitStatus(transfer, accounts)
  if (unbalanced !== undefined) return { status: unbalanced, timestamp: slot }

  apply(state, transfer, accounts)
  return { status: TransferStatus.CREATED, timestamp }
}

function fieldStatus(event: Transfer): TransferStatus | undefined {
  if (event.debitAccountId === 0n) return TransferStatus.DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
  if (event.debitAccountId === U128_MAX) return TransferStatus.DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX
  if (event.creditAccountId === 0n) return TransferStatus.CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
  if (event.creditAccountId === U128_MAX) return TransferStatus.CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX
  if (event.debitAccountId === event.creditAccountId) return TransferStatus.ACCOUNTS_MUST_BE_DIFFERENT
  if (event.pendingId !== 0n) return TransferStatus.PENDING_ID_MUST_BE_ZERO
  if (!hasFlag(event.flags, TransferFlag.PENDING)) {
    if (event.timeoutSeconds !== 0) return TransferStatus.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
    if (hasFlag(event.flags, CLOSING)) return TransferStatus.CLOSING_TRANSFER_MUST_BE_PENDING
  }
  if (event.ledger === 0) return TransferStatus.LEDGER_MUST_NOT_BE_ZERO
  if (event.code === 0) return TransferStatus.CODE_MUST_NOT_BE_ZERO
  return undefined
}

function ledgerStatus(event: Transfer, { debit, credit }: Accounts): TransferStatus | undefined {
  if (debit.ledger !== credit.ledger) return TransferStatus.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER
  if (event.ledger !== debit.ledger) return TransferStatus.TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS
  return undefined
}

function importedStatus(state: State, event: Transfer, { debit, credit }: Accounts): TransferStatus | undefined {
  const { timestamp } = event
  if (timestamp <= state.clocks.lastTransfer || state.accountAt(timestamp)) {
    return TransferStatus.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS
  }
  if (timestamp <= debit.timestamp) return TransferStatus.IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_DEBIT_ACCOUNT
  if (timestamp <= credit.timestamp) return TransferStatus.IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_CREDIT_ACCOUNT
  if (event.timeoutSeconds !== 0) return TransferStatus.IMPORTED_EVENT_TIMEOUT_MUST_BE_ZERO
  return undefined
}

function closedStatus({ debit, credit }: Accounts): TransferStatus | undefined {
  if (debit.closed) return TransferStatus.DEBIT_ACCOUNT_ALREADY_CLOSED
  if (credit.closed) return TransferStatus.CREDIT_ACCOUNT_ALREADY_CLOSED
  return undefined
}

/** A balancing transfer moves at most what is there on the side it balances; that may be nothing. */
function clampedAmount(event: Transfer, { debit, credit }: Accounts): bigint {
  let amount = event.amount
  if (hasFlag(event.flags, TransferFlag.BALANCING_DEBIT)) {
    amount = min(amount, saturatingSubtract(debit.creditsPosted, debit.debitsPosted + debit.debitsPending))
  }
  if (hasFlag(event.flags, TransferFlag.BALANCING_CREDIT)) {
    amount = min(amount, saturatingSubtract(credit.debitsPosted, credit.creditsPosted + credit.creditsPending))
  }
  return amount
}

function overflowStatus(transfer: Transfer, { debit, credit }: Accounts): TransferStatus | undefined {
  const { amount, timestamp, timeoutSeconds } = transfer
  if (hasFlag(transfer.flags, TransferFlag.PENDING)) {
    if (overflows(amount, debit.debitsPending)) return TransferStatus.OVERFLOWS_DEBITS_PENDING
    if (overflows(amount, credit.creditsPending)) return TransferStatus.OVERFLOWS_CREDITS_PENDING
  }
  if (overflows(amount, debit.debitsPosted)) return TransferStatus.OVERFLOWS_DEBITS_POSTED
  if (overflows(amount, credit.creditsPosted)) return TransferStatus.OVERFLOWS_CREDITS_POSTED
  if (overflows(amount, debit.debitsPending + debit.debitsPosted)) return TransferStatus.OVERFLOWS_DEBITS
  if (overflows(amount, credit.creditsPending + credit.creditsPosted)) return TransferStatus.OVERFLOWS_CREDITS
  if (timeoutSeconds !== 0 && timestamp + BigInt(timeoutSeconds) * NANOSECONDS_PER_SECOND > TIMESTAMP_MAX) {
    return TransferStatus.OVERFLOWS_TIMEOUT
  }
  return undefined
}

/** What is held counts against its own side; what is held in favour of an account does not help it yet. */
function limitStatus({ amount }: Transfer, { debit, credit }: Accounts): TransferStatus | undefined {
  if (
    hasFlag(debit.flags, AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS) &&
    debit.debitsPending + debit.debitsPosted + amount > debit.creditsPosted
  ) {
    return TransferStatus.EXCEEDS_CREDITS
  }
  if (
    hasFlag(credit.flags, AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS) &&
    credit.creditsPending + credit.creditsPosted + amount > credit.debitsPosted
  ) {
    return TransferStatus.EXCEEDS_DEBITS
  }
  return undefined
}

function apply(state: State, transfer: Transfer, { debit, credit }: Accounts): void {
  const { amount, flags } = transfer
  const pending = hasFlag(flags, TransferFlag.PENDING)
  const movement = pending ? { pending: amount, posted: 0n } : { pending: 0n, posted: amount }
  state.insertTransfer(transfer)
  state.debit(debit, movement)
  state.credit(credit, movement)
  if (pending) {
    state.insertPending(transfer.id)
    if (hasFlag(flags, TransferFlag.CLOSING_DEBIT)) state.setClosed(debit, true)
    if (hasFlag(flags, TransferFlag.CLOSING_CREDIT)) state.setClosed(credit, true)
  }
  state.recordBalances(transfer, debit, credit)
}
