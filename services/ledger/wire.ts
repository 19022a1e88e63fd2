import {
  type AccountBalance,
  type AccountFilter as WireAccountFilter,
  type QueryFilter as WireQueryFilter,
} from '../../gen/paymesh/ledger/v1/filter.js'
import {
  type EngineAccount,
  type EventResult,
  type Transfer as WireTransfer,
} from '../../gen/paymesh/ledger/v1/transfer.js'
import { type Uint128 } from '../../gen/paymesh/ledger/v1/uint128.js'
import { type FieldCheck } from '../runtime/field-check.js'
import { fromUint128, toUint128 } from '../runtime/ids.js'
import { type Account, type AccountEvent, AccountFlag, accountFlags, type BalanceRow } from './state-machine/account.js'
import { type AccountFilter, type CommonFilter, type QueryFilter } from './state-machine/filters.js'
import { hasFlag, type Transfer } from './state-machine/transfer.js'

// Between the messages of the contract and the engine's values. Protobuf holds u128, u64 and u32 to their ranges by
// itself; `code` and `flags` are u16 in the engine and wider on the wire, so they are checked here.

const U16_MAX = 65535

export function accountEvent(message: EngineAccount): AccountEvent {
  return {
    id: fromUint128(message.id),
    debitsPending: fromUint128(message.debitsPending),
    debitsPosted: fromUint128(message.debitsPosted),
    creditsPending: fromUint128(message.creditsPending),
    creditsPosted: fromUint128(message.creditsPosted),
    userData128: fromUint128(message.userData128),
    userData64: message.userData64,
    userData32: message.userData32,
    // The contract has no such field; TigerBeetle's wire has, and would refuse anything but zero.
    reserved: 0,
    ledger: message.ledger,
    code: message.code,
    flags: message.flags,
    timestamp: message.timestamp,
  }
}

export function transferEvent(message: WireTransfer): Transfer {
  return {
    id: fromUint128(message.id),
    debitAccountId: fromUint128(message.debitAccountId),
    creditAccountId: fromUint128(message.creditAccountId),
    amount: fromUint128(message.amount),
    pendingId: fromUint128(message.pendingId),
    userData128: fromUint128(message.userData128),
    userData64: message.userData64,
    userData32: message.userData32,
    timeoutSeconds: message.timeoutSeconds,
    ledger: message.ledger,
    code: message.code,
    flags: message.flags,
    timestamp: message.timestamp,
  }
}

/** Notes what of an account or transfer the engine's types could not hold. `field` is its path in the request. */
export function checkRanges(check: FieldCheck, field: string, message: { code: number; flags: number }): void {
  check.that(message.code <= U16_MAX, `${field}.code`, 'must be at most 65535')
  check.that(message.flags <= U16_MAX, `${field}.flags`, 'must be at most 65535')
}

/** Whether the engine's types can hold an event. */
export function isInRange(message: { readonly code: number; readonly flags: number }): boolean {
  return message.code <= U16_MAX && message.flags <= U16_MAX
}

export function engineAccount(account: Account): EngineAccount {
  return {
    id: toUint128(account.id),
    debitsPending: toUint128(account.debitsPending),
    debitsPosted: toUint128(account.debitsPosted),
    creditsPending: toUint128(account.creditsPending),
    creditsPosted: toUint128(account.creditsPosted),
    userData128: toUint128(account.userData128),
    userData64: account.userData64,
    userData32: account.userData32,
    ledger: account.ledger,
    code: account.code,
    flags: accountFlags(account),
    timestamp: account.timestamp,
  }
}

export function wireTransfer(transfer: Transfer): WireTransfer {
  return {
    id: toUint128(transfer.id),
    debitAccountId: toUint128(transfer.debitAccountId),
    creditAccountId: toUint128(transfer.creditAccountId),
    amount: toUint128(transfer.amount),
    pendingId: toUint128(transfer.pendingId),
    userData128: toUint128(transfer.userData128),
    userData64: transfer.userData64,
    userData32: transfer.userData32,
    timeoutSeconds: transfer.timeoutSeconds,
    ledger: transfer.ledger,
    code: transfer.code,
    flags: transfer.flags,
    timestamp: transfer.timestamp,
  }
}

export function eventResults(results: readonly { status: number; timestamp: bigint }[]): EventResult[] {
  return results.map(({ status, timestamp }) => ({ status, timestamp }))
}

export function idsOf(messages: readonly Uint128[]): bigint[] {
  return messages.map(fromUint128)
}

export function accountFilter(message: WireAccountFilter): AccountFilter {
  return { accountId: fromUint128(message.accountId), ...commonFilter(message) }
}

export function queryFilter(message: WireQueryFilter): QueryFilter {
  return { ledger: message.ledger, ...commonFilter(message) }
}

function commonFilter(message: WireAccountFilter | WireQueryFilter): CommonFilter {
  return {
    userData128: fromUint128(message.userData128),
    userData64: message.userData64,
    userData32: message.userData32,
    code: message.code,
    timestampMin: message.timestampMin,
    timestampMax: message.timestampMax,
    limit: message.limit,
    flags: message.flags,
  }
}

export function accountBalance(row: BalanceRow): AccountBalance {
  return {
    debitsPending: toUint128(row.debitsPending),
    debitsPosted: toUint128(row.debitsPosted),
    creditsPending: toUint128(row.creditsPending),
    creditsPosted: toUint128(row.creditsPosted),
    timestamp: row.timestamp,
  }
}

// The other direction, for clients.

export function engineAccountEvent(event: AccountEvent): EngineAccount {
  return engineAccount({ ...event, closed: false })
}

export function accountOf(message: EngineAccount): Account {
  const { reserved: _, ...account } = accountEvent(message)
  return { ...account, closed: hasFlag(message.flags, AccountFlag.CLOSED) }
}

export function balanceOf(accountId: bigint, message: AccountBalance): BalanceRow {
  return {
    accountId,
    debitsPending: fromUint128(message.debitsPending),
    debitsPosted: fromUint128(message.debitsPosted),
    creditsPending: fromUint128(message.creditsPending),
    creditsPosted: fromUint128(message.creditsPosted),
    timestamp: message.timestamp,
  }
}

export function wireAccountFilter(filter: AccountFilter): WireAccountFilter {
  return { ...filter, accountId: toUint128(filter.accountId), userData128: toUint128(filter.userData128) }
}

export function wireQueryFilter(filter: QueryFilter): WireQueryFilter {
  return { ...filter, userData128: toUint128(filter.userData128) }
}
