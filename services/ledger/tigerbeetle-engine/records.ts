import type * as tigerbeetle from 'tigerbeetle-node'
import { type Account, type AccountEvent, AccountFlag, type BalanceRow } from '../state-machine/account.js'
import { type AccountFilter, type QueryFilter } from '../state-machine/filters.js'
import {
  type AccountResult,
  AccountStatus,
  type EventResult,
  type TransferResult,
  TransferStatus,
} from '../state-machine/status.js'
import { hasFlag, type Transfer } from '../state-machine/transfer.js'
import { u128, u16, u32, u64 } from './ranges.js'

// Between the ledger's values and the records of TigerBeetle's client. Flags, statuses and ranges are the same on both
// sides; the names of fields are not.

interface UserData {
  readonly userData128: bigint
  readonly userData64: bigint
  readonly userData32: number
}

function userDataRecord({ userData128, userData64, userData32 }: UserData) {
  return {
    user_data_128: u128(userData128, 'user_data_128'),
    user_data_64: u64(userData64, 'user_data_64'),
    user_data_32: u32(userData32, 'user_data_32'),
  }
}

function userDataOf(record: Pick<tigerbeetle.Account, 'user_data_128' | 'user_data_64' | 'user_data_32'>): UserData {
  return { userData128: record.user_data_128, userData64: record.user_data_64, userData32: record.user_data_32 }
}

export function accountRecord(event: AccountEvent): tigerbeetle.Account {
  return {
    id: u128(event.id, 'id'),
    debits_pending: u128(event.debitsPending, 'debits_pending'),
    debits_posted: u128(event.debitsPosted, 'debits_posted'),
    credits_pending: u128(event.creditsPending, 'credits_pending'),
    credits_posted: u128(event.creditsPosted, 'credits_posted'),
    ...userDataRecord(event),
    reserved: u32(event.reserved, 'reserved'),
    ledger: u32(event.ledger, 'ledger'),
    code: u16(event.code, 'code'),
    flags: u16(event.flags, 'flags'),
    timestamp: u64(event.timestamp, 'timestamp'),
  }
}

/** TigerBeetle keeps one bit for "created closed" and "closed now", so `flags` is what it says with that bit taken out. */
export function accountOf(record: tigerbeetle.Account): Account {
  return {
    id: record.id,
    debitsPending: record.debits_pending,
    debitsPosted: record.debits_posted,
    creditsPending: record.credits_pending,
    creditsPosted: record.credits_posted,
    ...userDataOf(record),
    ledger: record.ledger,
    code: record.code,
    flags: record.flags & ~AccountFlag.CLOSED,
    closed: hasFlag(record.flags, AccountFlag.CLOSED),
    timestamp: record.timestamp,
  }
}

export function transferRecord(event: Transfer): tigerbeetle.Transfer {
  return {
    id: u128(event.id, 'id'),
    debit_account_id: u128(event.debitAccountId, 'debit_account_id'),
    credit_account_id: u128(event.creditAccountId, 'credit_account_id'),
    amount: u128(event.amount, 'amount'),
    pending_id: u128(event.pendingId, 'pending_id'),
    ...userDataRecord(event),
    timeout: u32(event.timeoutSeconds, 'timeout'),
    ledger: u32(event.ledger, 'ledger'),
    code: u16(event.code, 'code'),
    flags: u16(event.flags, 'flags'),
    timestamp: u64(event.timestamp, 'timestamp'),
  }
}

export function transferOf(record: tigerbeetle.Transfer): Transfer {
  return {
    id: record.id,
    debitAccountId: record.debit_account_id,
    creditAccountId: record.credit_account_id,
    amount: record.amount,
    pendingId: record.pending_id,
    ...userDataOf(record),
    timeoutSeconds: record.timeout,
    ledger: record.ledger,
    code: record.code,
    flags: record.flags,
    timestamp: record.timestamp,
  }
}

type CommonFilter = Omit<AccountFilter, 'accountId'>

function commonFilterRecord(filter: CommonFilter) {
  return {
    ...userDataRecord(filter),
    code: u16(filter.code, 'code'),
    timestamp_min: u64(filter.timestampMin, 'timestamp_min'),
    timestamp_max: u64(filter.timestampMax, 'timestamp_max'),
    limit: u32(filter.limit, 'limit'),
    flags: u32(filter.flags, 'flags'),
  }
}

export function accountFilterRecord(filter: AccountFilter): tigerbeetle.AccountFilter {
  return { account_id: u128(filter.accountId, 'account_id'), ...commonFilterRecord(filter) }
}

export function queryFilterRecord(filter: QueryFilter): tigerbeetle.QueryFilter {
  return { ledger: u32(filter.ledger, 'ledger'), ...commonFilterRecord(filter) }
}

export function balanceRowOf(accountId: bigint, record: tigerbeetle.AccountBalance): BalanceRow {
  return {
    accountId,
    debitsPending: record.debits_pending,
    debitsPosted: record.debits_posted,
    creditsPending: record.credits_pending,
    creditsPosted: record.credits_posted,
    timestamp: record.timestamp,
  }
}

const ACCOUNT_STATUSES = new Map<number, AccountStatus>(Object.values(AccountStatus).map((code) => [code, code]))
const TRANSFER_STATUSES = new Map<number, TransferStatus>(Object.values(TransferStatus).map((code) => [code, code]))

interface ResultRecord {
  readonly status: number
  readonly timestamp: bigint
}

export function accountResults(records: readonly ResultRecord[], count: number): AccountResult[] {
  return resultsOf(ACCOUNT_STATUSES, records, count)
}

export function transferResults(records: readonly ResultRecord[], count: number): TransferResult[] {
  return resultsOf(TRANSFER_STATUSES, records, count)
}

/** A status that this release does not know comes from a newer server: what became of the event can't be told. */
function resultsOf<S extends number>(
  known: ReadonlyMap<number, S>,
  records: readonly ResultRecord[],
  count: number,
): EventResult<S>[] {
  if (records.length !== count) throw new Error(`TigerBeetle answered ${count} events with ${records.length} results.`)
  return records.map(({ status, timestamp }) => {
    const same = known.get(status)
    if (same === undefined) throw new Error(`TigerBeetle answered with the status ${status}, which is not known here.`)
    return { status: same, timestamp }
  })
}
