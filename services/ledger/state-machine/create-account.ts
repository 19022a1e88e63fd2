import { type Account, ACCOUNT_FLAGS, type AccountEvent, AccountFlag, accountFlags } from './account.js'
import { type State } from './state.js'
import { type AccountResult, AccountStatus } from './status.js'
import { hasFlag } from './transfer.js'
import { U128_MAX } from './u128.js'

const BOTH_LIMITS = AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS | AccountFlag.CREDITS_MUST_NOT_EXCEED_DEBITS

/** Creates one account, or says why not: the first rule broken, in the order below. */
export function createAccount(state: State, event: AccountEvent, slot: bigint): AccountResult {
  const existing = state.contents.accounts.get(event.id)
  const malformed = idStatus(event)
  if (malformed !== undefined) return { status: malformed, timestamp: slot }
  if (existing !== undefined) return existsResult(event, existing, slot)

  const imported = hasFlag(event.flags, AccountFlag.IMPORTED)
  const status = propertyStatus(event) ?? (imported ? importedStatus(state, event) : undefined)
  if (status !== undefined) return { status, timestamp: slot }

  const account = newAccount(event, imported ? event.timestamp : slot)
  state.insertAccount(account)
  return { status: AccountStatus.CREATED, timestamp: account.timestamp }
}

function idStatus(event: AccountEvent): AccountStatus | undefined {
  if (event.reserved !== 0) return AccountStatus.RESERVED_FIELD
  if ((event.flags & ~ACCOUNT_FLAGS) !== 0) return AccountStatus.RESERVED_FLAG
  if (event.id === 0n) return AccountStatus.ID_MUST_NOT_BE_ZERO
  if (event.id === U128_MAX) return AccountStatus.ID_MUST_NOT_BE_INT_MAX
  return undefined
}

/** Compared with the flags of now: an account that was closed since answers EXISTS_WITH_DIFFERENT_FLAGS. */
function existsResult(event: AccountEvent, existing: Account, slot: bigint): AccountResult {
  const status = existsStatus(event, existing)
  return { status, timestamp: status === AccountStatus.EXISTS ? existing.timestamp : slot }
}

function existsStatus(event: AccountEvent, existing: Account): AccountStatus {
  if (event.flags !== accountFlags(existing)) return AccountStatus.EXISTS_WITH_DIFFERENT_FLAGS
  if (event.userData128 !== existing.userData128) return AccountStatus.EXISTS_WITH_DIFFERENT_USER_DATA_128
  if (event.userData64 !== existing.userData64) return AccountStatus.EXISTS_WITH_DIFFERENT_USER_DATA_64
  if (event.userData32 !== existing.userData32) return AccountStatus.EXISTS_WITH_DIFFERENT_USER_DATA_32
  if (event.ledger !== existing.ledger) return AccountStatus.EXISTS_WITH_DIFFERENT_LEDGER
  if (event.code !== existing.code) return AccountStatus.EXISTS_WITH_DIFFERENT_CODE
  return AccountStatus.EXISTS
}

function propertyStatus(event: AccountEvent): AccountStatus | undefined {
  if ((event.flags & BOTH_LIMITS) === BOTH_LIMITS) return AccountStatus.FLAGS_ARE_MUTUALLY_EXCLUSIVE
  if (event.debitsPending !== 0n) return AccountStatus.DEBITS_PENDING_MUST_BE_ZERO
  if (event.debitsPosted !== 0n) return AccountStatus.DEBITS_POSTED_MUST_BE_ZERO
  if (event.creditsPending !== 0n) return AccountStatus.CREDITS_PENDING_MUST_BE_ZERO
  if (event.creditsPosted !== 0n) return AccountStatus.CREDITS_POSTED_MUST_BE_ZERO
  if (event.ledger === 0) return AccountStatus.LEDGER_MUST_NOT_BE_ZERO
  if (event.code === 0) return AccountStatus.CODE_MUST_NOT_BE_ZERO
  return undefined
}

/** An imported account comes after all accounts before it, and shares its moment with no transfer. */
function importedStatus(state: State, event: AccountEvent): AccountStatus | undefined {
  const regresses = event.timestamp <= state.clocks.lastAccount || state.transferAt(event.timestamp)
  return regresses ? AccountStatus.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS : undefined
}

function newAccount(event: AccountEvent, timestamp: bigint): Account {
  const { id, userData128, userData64, userData32, ledger, code, flags } = event
  return {
    id,
    debitsPending: 0n,
    debitsPosted: 0n,
    creditsPending: 0n,
    creditsPosted: 0n,
    userData128,
    userData64,
    userData32,
    ledger,
    code,
    flags,
    closed: hasFlag(flags, AccountFlag.CLOSED),
    timestamp,
  }
}
