import { type State } from './state.js'
import { hasFlag, PendingState, type Transfer, TransferFlag } from './transfer.js'

/**
 * Releases holds whose time is over. Makes no transfer and no balance row, and leaves the pending transfer as it is.
 *
 * @param due pending transfers that expired by now, in the order of (expiry, timestamp).
 */
export function expire(state: State, due: readonly Transfer[], nowNs: bigint): void {
  if (due.length === 0) return
  state.advance(1, nowNs)
  for (const transfer of due) {
    const pending = state.contents.pendings.get(transfer.id)
    const debit = state.contents.accounts.get(transfer.debitAccountId)
    const credit = state.contents.accounts.get(transfer.creditAccountId)
    if (pending?.state !== PendingState.PENDING || debit === undefined || credit === undefined) {
      throw new Error(`the hold ${transfer.id} was not loaded whole, or is not due`)
    }
    const movement = { pending: -transfer.amount, posted: 0n }
    state.resolvePending(pending, PendingState.EXPIRED)
    state.debit(debit, movement)
    state.credit(credit, movement)
    if (hasFlag(transfer.flags, TransferFlag.CLOSING_DEBIT)) state.setClosed(debit, false)
    if (hasFlag(transfer.flags, TransferFlag.CLOSING_CREDIT)) state.setClosed(credit, false)
  }
}
