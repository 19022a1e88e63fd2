import { moveOrHold } from './move-or-hold.js'
import { postOrVoid } from './post-or-void.js'
import { type State } from './state.js'
import { type TransferResult, TransferStatus } from './status.js'
import { hasFlag, type Transfer, TRANSFER_FLAGS, TransferFlag } from './transfer.js'
import { transferExistsStatus } from './transfer-exists.js'
import { U128_MAX } from './u128.js'

const RESOLVES = TransferFlag.POST_PENDING_TRANSFER | TransferFlag.VOID_PENDING_TRANSFER

/**
 * Creates one transfer, or says why not: the first rule broken.
 *
 * Idempotency comes before all meaning: an id that is known answers EXISTS*, an id that was spent ID_ALREADY_FAILED,
 * whatever else is wrong with the event.
 */
export function createTransfer(state: State, event: Transfer, slot: bigint): TransferResult {
  const malformed = idStatus(event)
  if (malformed !== undefined) return { status: malformed, timestamp: slot }

  const existing = state.contents.transfers.get(event.id)
  if (existing !== undefined) {
    const status = transferExistsStatus(event, existing, state.contents.transfers.get(existing.pendingId))
    return { status, timestamp: status === TransferStatus.EXISTS ? existing.timestamp : slot }
  }
  if (state.contents.failures.get(event.id) !== undefined) {
    return { status: TransferStatus.ID_ALREADY_FAILED, timestamp: slot }
  }
  return hasFlag(event.flags, RESOLVES) ? postOrVoid(state, event, slot) : moveOrHold(state, event, slot)
}

function idStatus(event: Transfer): TransferStatus | undefined {
  if ((event.flags & ~TRANSFER_FLAGS) !== 0) return TransferStatus.RESERVED_FLAG
  if (event.id === 0n) return TransferStatus.ID_MUST_NOT_BE_ZERO
  if (event.id === U128_MAX) return TransferStatus.ID_MUST_NOT_BE_INT_MAX
  return undefined
}
