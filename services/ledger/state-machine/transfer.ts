import { type TransferStatus } from './status.js'
import { NANOSECONDS_PER_SECOND } from './u128.js'

export const TransferFlag = {
  LINKED: 1,
  PENDING: 2,
  POST_PENDING_TRANSFER: 4,
  VOID_PENDING_TRANSFER: 8,
  BALANCING_DEBIT: 16,
  BALANCING_CREDIT: 32,
  CLOSING_DEBIT: 64,
  CLOSING_CREDIT: 128,
  IMPORTED: 256,
} as const

/** The bits that mean something; any other is `reserved_flag`. */
export const TRANSFER_FLAGS = 511

/** A movement between two accounts, as asked for and as kept. Ranges are checked before: u128, u64, u32, u16. */
export interface Transfer {
  readonly id: bigint
  readonly debitAccountId: bigint
  readonly creditAccountId: bigint
  /** u128 minor units. Of a kept transfer: what was moved, after clamping. */
  readonly amount: bigint
  readonly pendingId: bigint
  readonly userData128: bigint
  readonly userData64: bigint
  readonly userData32: number
  /** Until a pending transfer expires; zero means never. */
  readonly timeoutSeconds: number
  readonly ledger: number
  readonly code: number
  readonly flags: number
  /** Nanoseconds since 1970; unique over accounts and transfers. Of a request: zero unless imported. */
  readonly timestamp: bigint
}

export const PendingState = { PENDING: 1, POSTED: 2, VOIDED: 3, EXPIRED: 4 } as const
export type PendingState = (typeof PendingState)[keyof typeof PendingState]

/**
 * What became of a pending transfer. It begins PENDING and leaves that once, for POSTED, VOIDED or EXPIRED, for ever;
 * the transfer itself is never changed.
 */
export interface Pending {
  readonly transferId: bigint
  state: PendingState
}

/** A transfer that failed for a passing reason: its id is spent, and nothing else of it is kept. */
export interface FailedTransfer {
  readonly id: bigint
  readonly status: TransferStatus
  readonly userData64: bigint
}

/** When a pending transfer expires, nanoseconds since 1970; undefined means never. */
export function expiresAt(transfer: Transfer): bigint | undefined {
  if (transfer.timeoutSeconds === 0) return undefined
  return transfer.timestamp + BigInt(transfer.timeoutSeconds) * NANOSECONDS_PER_SECOND
}

export function hasFlag(flags: number, flag: number): boolean {
  return (flags & flag) !== 0
}
