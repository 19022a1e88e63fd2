import {
  type Account,
  type AccountEvent,
  AccountFlag,
  accountFlags,
  type BalanceRow,
} from '../state-machine/account.js'
import { type AccountFilter, type CommonFilter, type QueryFilter } from '../state-machine/filters.js'
import { type Transfer, TransferFlag } from '../state-machine/transfer.js'

// Between the rows of a transcript and the engine's values. A row leaves out what is zero or empty, has large integers
// as decimal text and flags as names; `bitN` is a bit without a name.

export type Value = string | number | readonly string[]
export type Row = Readonly<Record<string, Value>>
export type Flags = Readonly<Record<string, number>>

/** The timestamp that a row's symbol stands for. */
export type ResolveTime = (value: Value | undefined) => bigint

function number(row: Row, field: string): number {
  return Number(row[field] ?? 0)
}

function big(row: Row, field: string): bigint {
  return BigInt(String(row[field] ?? '0'))
}

function bits(row: Row, flags: Flags): number {
  const given = row['flags']
  const names: readonly string[] = Array.isArray(given) ? given : []
  return names.reduce((sum, name) => {
    const bit = name.startsWith('bit') ? 2 ** Number(name.slice(3)) : flags[name.toUpperCase()]
    if (bit === undefined) throw new Error(`there is no flag ${name}`)
    return sum | bit
  }, 0)
}

function userData(row: Row) {
  return {
    userData128: big(row, 'user_data_128'),
    userData64: big(row, 'user_data_64'),
    userData32: number(row, 'user_data_32'),
  }
}

export function accountEvent(row: Row, time: ResolveTime): AccountEvent {
  return {
    id: big(row, 'id'),
    debitsPending: big(row, 'debits_pending'),
    debitsPosted: big(row, 'debits_posted'),
    creditsPending: big(row, 'credits_pending'),
    creditsPosted: big(row, 'credits_posted'),
    ...userData(row),
    reserved: number(row, 'reserved'),
    ledger: number(row, 'ledger'),
    code: number(row, 'code'),
    flags: bits(row, AccountFlag),
    timestamp: time(row['timestamp']),
  }
}

export function transferEvent(row: Row, time: ResolveTime): Transfer {
  return {
    id: big(row, 'id'),
    debitAccountId: big(row, 'debit_account_id'),
    creditAccountId: big(row, 'credit_account_id'),
    amount: big(row, 'amount'),
    pendingId: big(row, 'pending_id'),
    ...userData(row),
    timeoutSeconds: number(row, 'timeout'),
    ledger: number(row, 'ledger'),
    code: number(row, 'code'),
    flags: bits(row, TransferFlag),
    timestamp: time(row['timestamp']),
  }
}

function commonFilter(row: Row, flags: Flags, time: ResolveTime): CommonFilter {
  return {
    ...userData(row),
    code: number(row, 'code'),
    timestampMin: time(row['timestamp_min']),
    timestampMax: time(row['timestamp_max']),
    limit: number(row, 'limit'),
    flags: bits(row, flags),
  }
}

export function accountFilter(row: Row, flags: Flags, time: ResolveTime): AccountFilter {
  return { accountId: big(row, 'account_id'), ...commonFilter(row, flags, time) }
}

export function queryFilter(row: Row, flags: Flags, time: ResolveTime): QueryFilter {
  return { ledger: number(row, 'ledger'), ...commonFilter(row, flags, time) }
}

export function resultRows(
  statuses: Readonly<Record<string, number>>,
  results: readonly { status: number; timestamp: bigint }[],
): Row[] {
  const names = new Map(Object.entries(statuses).map(([name, code]) => [code, name.toLowerCase()]))
  return results.map(({ status, timestamp }) => ({
    status: names.get(status) ?? `unknown ${status}`,
    timestamp: timestamp.toString(),
  }))
}

export function accountRow(found: Account): Row {
  const { id, debitsPending, debitsPosted, creditsPending, creditsPosted, ledger, code, timestamp } = found
  return row({
    id,
    debits_pending: debitsPending,
    debits_posted: debitsPosted,
    credits_pending: creditsPending,
    credits_posted: creditsPosted,
    user_data_128: found.userData128,
    user_data_64: found.userData64,
    user_data_32: found.userData32,
    ledger,
    code,
    flags: names(accountFlags(found), AccountFlag),
    timestamp,
  })
}

export function transferRow(found: Transfer): Row {
  return row({
    id: found.id,
    debit_account_id: found.debitAccountId,
    credit_account_id: found.creditAccountId,
    amount: found.amount,
    pending_id: found.pendingId,
    user_data_128: found.userData128,
    user_data_64: found.userData64,
    user_data_32: found.userData32,
    timeout: found.timeoutSeconds,
    ledger: found.ledger,
    code: found.code,
    flags: names(found.flags, TransferFlag),
    timestamp: found.timestamp,
  })
}

export function balanceRow({ debitsPending, debitsPosted, creditsPending, creditsPosted, timestamp }: BalanceRow): Row {
  return row({
    debits_pending: debitsPending,
    debits_posted: debitsPosted,
    credits_pending: creditsPending,
    credits_posted: creditsPosted,
    timestamp,
  })
}

function names(bits: number, flags: Flags): string[] {
  return Object.entries(flags).flatMap(([name, bit]) => ((bits & bit) === 0 ? [] : name.toLowerCase()))
}

/** Leaves out what is zero or empty, and writes large integers as the transcripts do. */
function row(fields: Readonly<Record<string, bigint | Value>>): Row {
  const kept = Object.entries(fields).flatMap(([name, value]) => {
    if (value === 0n || value === 0 || (Array.isArray(value) && value.length === 0)) return []
    return [[name, typeof value === 'bigint' ? value.toString() : value] as const]
  })
  return Object.fromEntries(kept)
}
