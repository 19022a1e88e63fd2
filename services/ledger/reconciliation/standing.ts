import { expiresAt, hasFlag, type Transfer, TransferFlag } from '../state-machine/transfer.js'
import { type Side } from './statement-record.js'

// What a transfer means to somebody outside: money that moved, money set aside, or nothing any more.

/** PENDING is an open hold. VOIDED and EXPIRED moved nothing and never will. */
export type StandingStatus = 'POSTED' | 'PENDING' | 'VOIDED' | 'EXPIRED'

export interface Standing {
  readonly status: StandingStatus
  /** What moved or is set aside, in minor units; of a hold that ended without moving, what had been set aside. */
  readonly amount: bigint
  /** When it came to stand so, in nanoseconds since 1970; of an open or expired hold, when it was made. */
  readonly timestamp: bigint
}

export function isHold(transfer: Transfer): boolean {
  return hasFlag(transfer.flags, TransferFlag.PENDING)
}

/** Whether the transfer itself moved money: neither sets aside nor frees, and not zero. */
export function movedMoney({ flags, amount }: Transfer): boolean {
  return !hasFlag(flags, TransferFlag.PENDING | TransferFlag.VOID_PENDING_TRANSFER) && amount > 0n
}

/** How a transfer stands; `resolution` is what posted or voided it, if it is a hold that something did. */
export function standingOf(transfer: Transfer, resolution: Transfer | undefined, nowNs: bigint): Standing {
  const { amount, timestamp } = transfer
  if (!isHold(transfer)) {
    const isVoid = hasFlag(transfer.flags, TransferFlag.VOID_PENDING_TRANSFER)
    return { status: isVoid ? 'VOIDED' : 'POSTED', amount, timestamp }
  }
  if (resolution !== undefined) {
    const isPost = hasFlag(resolution.flags, TransferFlag.POST_PENDING_TRANSFER)
    return { status: isPost ? 'POSTED' : 'VOIDED', amount: resolution.amount, timestamp: resolution.timestamp }
  }
  const end = expiresAt(transfer)
  return { status: end !== undefined && end <= nowNs ? 'EXPIRED' : 'PENDING', amount, timestamp }
}

export function isOn({ debitAccountId, creditAccountId }: Transfer, accountId: bigint): boolean {
  return debitAccountId === accountId || creditAccountId === accountId
}

export function sideOf({ debitAccountId }: Transfer, accountId: bigint): Side {
  return debitAccountId === accountId ? 'DEBIT' : 'CREDIT'
}
