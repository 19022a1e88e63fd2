import { type Account, type BalanceRow } from '../state-machine/account.js'
import { type TransferStatus } from '../state-machine/status.js'
import { type FailedTransfer, type PendingState, type Transfer } from '../state-machine/transfer.js'
import { uuidValue } from './text.js'

// Rows as the driver gives them: int8 and numeric as strings, int4 as numbers, uuid as text.

export const ACCOUNT_COLUMNS = `a.id, a.debits_pending::text, a.debits_posted::text, a.credits_pending::text,
  a.credits_posted::text, a.user_data_128, a.user_data_64::text, a.user_data_32::text, a.ledger::text, a.code, a.flags,
  a.closed, a.timestamp::text`

export interface AccountRow {
  readonly id: string
  readonly debits_pending: string
  readonly debits_posted: string
  readonly credits_pending: string
  readonly credits_posted: string
  readonly user_data_128: string | null
  readonly user_data_64: string
  readonly user_data_32: string
  readonly ledger: string
  readonly code: number
  readonly flags: number
  readonly closed: boolean
  readonly timestamp: string
}

export function accountOf(row: AccountRow): Account {
  return {
    id: uuidValue(row.id),
    debitsPending: BigInt(row.debits_pending),
    debitsPosted: BigInt(row.debits_posted),
    creditsPending: BigInt(row.credits_pending),
    creditsPosted: BigInt(row.credits_posted),
    userData128: uuidValue(row.user_data_128),
    userData64: BigInt(row.user_data_64),
    userData32: Number(row.user_data_32),
    ledger: Number(row.ledger),
    code: row.code,
    flags: row.flags,
    closed: row.closed,
    timestamp: BigInt(row.timestamp),
  }
}

export const TRANSFER_COLUMNS = `t.id, t.debit_account_id, t.credit_account_id, t.amount::text, t.pending_id,
  t.user_data_128, t.user_data_64::text, t.user_data_32::text, t.timeout_seconds::text, t.ledger::text, t.code, t.flags,
  t.timestamp::text`

export interface TransferRow {
  readonly id: string
  readonly debit_account_id: string
  readonly credit_account_id: string
  readonly amount: string
  readonly pending_id: string | null
  readonly user_data_128: string | null
  readonly user_data_64: string
  readonly user_data_32: string
  readonly timeout_seconds: string
  readonly ledger: string
  readonly code: number
  readonly flags: number
  readonly timestamp: string
}

export function transferOf(row: TransferRow): Transfer {
  return {
    id: uuidValue(row.id),
    debitAccountId: uuidValue(row.debit_account_id),
    creditAccountId: uuidValue(row.credit_account_id),
    amount: BigInt(row.amount),
    pendingId: uuidValue(row.pending_id),
    userData128: uuidValue(row.user_data_128),
    userData64: BigInt(row.user_data_64),
    userData32: Number(row.user_data_32),
    timeoutSeconds: Number(row.timeout_seconds),
    ledger: Number(row.ledger),
    code: row.code,
    flags: row.flags,
    timestamp: BigInt(row.timestamp),
  }
}

/** A transfer with the state of its hold, if it was pending; or a spent id, which has a status instead. */
export interface KnownTransferRow extends TransferRow {
  readonly state: PendingState | null
}

export interface FailureRow {
  readonly id: string
  readonly status: TransferStatus
  readonly user_data_64: string
}

export function failureOf(row: FailureRow): FailedTransfer {
  return { id: uuidValue(row.id), status: row.status, userData64: BigInt(row.user_data_64) }
}

export const BALANCE_COLUMNS = `b.account_id, b.debits_pending::text, b.debits_posted::text, b.credits_pending::text,
  b.credits_posted::text, b.timestamp::text`

export interface BalanceTextRow {
  readonly account_id: string
  readonly debits_pending: string
  readonly debits_posted: string
  readonly credits_pending: string
  readonly credits_posted: string
  readonly timestamp: string
}

export function balanceOf(row: BalanceTextRow): BalanceRow {
  return {
    accountId: uuidValue(row.account_id),
    debitsPending: BigInt(row.debits_pending),
    debitsPosted: BigInt(row.debits_posted),
    creditsPending: BigInt(row.credits_pending),
    creditsPosted: BigInt(row.credits_posted),
    timestamp: BigInt(row.timestamp),
  }
}
