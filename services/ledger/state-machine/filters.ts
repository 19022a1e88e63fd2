import { type Account } from './account.js'
import { hasFlag, type Transfer } from './transfer.js'
import { TIMESTAMP_MAX, U128_MAX } from './u128.js'

/** More results than one answer holds; the whole request is refused. */
export const QUERY_LIMIT_MAX = 8189

export const AccountFilterFlag = { DEBITS: 1, CREDITS: 2, REVERSED: 4 } as const
export const QueryFilterFlag = { REVERSED: 1 } as const

/** What every filter may ask for; zero asks for nothing. */
export interface CommonFilter {
  readonly userData128: bigint
  readonly userData64: bigint
  readonly userData32: number
  readonly code: number
  /** Inclusive; zero is open. Nanoseconds since 1970. */
  readonly timestampMin: bigint
  readonly timestampMax: bigint
  readonly limit: number
  readonly flags: number
}

/** The transfers of one account, or its balances after each of them. */
export interface AccountFilter extends CommonFilter {
  readonly accountId: bigint
}

/** Accounts or transfers anywhere. */
export interface QueryFilter extends CommonFilter {
  readonly ledger: number
}

/** An invalid filter matches nothing; it is no error. */
export function isValidAccountFilter(filter: AccountFilter): boolean {
  const sides = AccountFilterFlag.DEBITS | AccountFilterFlag.CREDITS
  return (
    filter.accountId !== 0n &&
    filter.accountId !== U128_MAX &&
    hasFlag(filter.flags, sides) &&
    (filter.flags & ~(sides | AccountFilterFlag.REVERSED)) === 0 &&
    isValidCommon(filter)
  )
}

/** An invalid filter matches nothing; it is no error. */
export function isValidQueryFilter(filter: QueryFilter): boolean {
  return (filter.flags & ~QueryFilterFlag.REVERSED) === 0 && isValidCommon(filter)
}

function isValidCommon({ timestampMin, timestampMax, limit }: CommonFilter): boolean {
  return (
    limit !== 0 &&
    timestampMin <= TIMESTAMP_MAX &&
    timestampMax <= TIMESTAMP_MAX &&
    (timestampMax === 0n || timestampMin <= timestampMax)
  )
}

export function matchesAccountFilter(filter: AccountFilter, transfer: Transfer): boolean {
  const debits = hasFlag(filter.flags, AccountFilterFlag.DEBITS) && transfer.debitAccountId === filter.accountId
  const credits = hasFlag(filter.flags, AccountFilterFlag.CREDITS) && transfer.creditAccountId === filter.accountId
  return (debits || credits) && matchesCommon(filter, transfer)
}

export function matchesQueryFilter(filter: QueryFilter, object: Account | Transfer): boolean {
  return (filter.ledger === 0 || filter.ledger === object.ledger) && matchesCommon(filter, object)
}

function matchesCommon(filter: CommonFilter, object: Account | Transfer): boolean {
  return (
    (filter.userData128 === 0n || filter.userData128 === object.userData128) &&
    (filter.userData64 === 0n || filter.userData64 === object.userData64) &&
    (filter.userData32 === 0 || filter.userData32 === object.userData32) &&
    (filter.code === 0 || filter.code === object.code) &&
    filter.timestampMin <= object.timestamp &&
    (filter.timestampMax === 0n || object.timestamp <= filter.timestampMax)
  )
}
