import { TransferStatus } from './status.js'
import { hasFlag, type Transfer, TransferFlag } from './transfer.js'
import { U128_MAX } from './u128.js'

const RESOLVES = TransferFlag.POST_PENDING_TRANSFER | TransferFlag.VOID_PENDING_TRANSFER
const BALANCING = TransferFlag.BALANCING_DEBIT | TransferFlag.BALANCING_CREDIT

/**
 * Compares a repeated request with the transfer that its id names: EXISTS, or the first field that differs.
 *
 * @param pending the transfer that `existing` posts or voids.
 */
export function transferExistsStatus(
  event: Transfer,
  existing: Transfer,
  pending: Transfer | undefined,
): TransferStatus {
  if (event.flags !== existing.flags) return TransferStatus.EXISTS_WITH_DIFFERENT_FLAGS
  if (event.pendingId !== existing.pendingId) return TransferStatus.EXISTS_WITH_DIFFERENT_PENDING_ID
  if (event.timeoutSeconds !== existing.timeoutSeconds) return TransferStatus.EXISTS_WITH_DIFFERENT_TIMEOUT
  if (!hasFlag(event.flags, RESOLVES)) return compare(event, existing)
  if (pending === undefined) throw new Error(`the transfer that ${existing.id} resolves was not loaded`)
  return compare(inherited(event, pending), existing)
}

/** A post or void as it was meant: what the request leaves out comes from the pending transfer. */
function inherited(event: Transfer, pending: Transfer): Transfer {
  const posts = hasFlag(event.flags, TransferFlag.POST_PENDING_TRANSFER)
  const full = posts ? event.amount === U128_MAX : event.amount === 0n
  return {
    ...event,
    debitAccountId: event.debitAccountId === 0n ? pending.debitAccountId : event.debitAccountId,
    creditAccountId: event.creditAccountId === 0n ? pending.creditAccountId : event.creditAccountId,
    amount: full ? pending.amount : event.amount,
    userData128: event.userData128 === 0n ? pending.userData128 : event.userData128,
    userData64: event.userData64 === 0n ? pending.userData64 : event.userData64,
    userData32: event.userData32 === 0 ? pending.userData32 : event.userData32,
    ledger: event.ledger === 0 ? pending.ledger : event.ledger,
    code: event.code === 0 ? pending.code : event.code,
  }
}

function compare(event: Transfer, existing: Transfer): TransferStatus {
  if (event.debitAccountId !== existing.debitAccountId) return TransferStatus.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID
  if (event.creditAccountId !== existing.creditAccountId) return TransferStatus.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID
  if (!sameAmount(event, existing)) return TransferStatus.EXISTS_WITH_DIFFERENT_AMOUNT
  if (event.userData128 !== existing.userData128) return TransferStatus.EXISTS_WITH_DIFFERENT_USER_DATA_128
  if (event.userData64 !== existing.userData64) return TransferStatus.EXISTS_WITH_DIFFERENT_USER_DATA_64
  if (event.userData32 !== existing.userData32) return TransferStatus.EXISTS_WITH_DIFFERENT_USER_DATA_32
  if (event.ledger !== existing.ledger) return TransferStatus.EXISTS_WITH_DIFFERENT_LEDGER
  if (event.code !== existing.code) return TransferStatus.EXISTS_WITH_DIFFERENT_CODE
  return TransferStatus.EXISTS
}

/** A balancing transfer keeps the clamped amount, so any request of at least that much may have been the first. */
function sameAmount(event: Transfer, existing: Transfer): boolean {
  if (hasFlag(event.flags, BALANCING)) return event.amount >= existing.amount
  return event.amount === existing.amount
}
