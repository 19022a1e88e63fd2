import { Account as AccountMessage, AccountState, type Balances } from '../../gen/paymesh/ledger/v1/account.js'
import { type Timestamp } from '../../gen/google/protobuf/timestamp.js'
import { type Money } from '../../gen/paymesh/money/v1/money.js'
import { toUint128 } from '../runtime/ids.js'
import { type AccountName, type NamedAccount } from './named-account-store.js'
import { type Counters } from './state-machine/account.js'

const NS_PER_SECOND = 1_000_000_000n
const INT64_MIN = -(1n << 63n)
const INT64_MAX = (1n << 63n) - 1n

/** An account as the contract shows it. */
export function accountMessage({ name, account }: NamedAccount): AccountMessage {
  return AccountMessage.fromPartial({
    name: name.name,
    id: toUint128(name.id),
    assetCode: name.assetCode,
    kind: name.kind as AccountMessage['kind'],
    owner: name.owner,
    state: stateOf(name, account.closed),
    balances: balances(account, name.assetCode),
    labels: name.labels,
    parent: name.parent,
    etag: etagOf(name),
    createTime: timeMessage(account.timestamp),
  })
}

/** What `etag` is given back for. */
export function etagOf({ revision }: AccountName): string {
  return `r${revision}`
}

/**
 * Whether an account takes transfers is the engine's to say; the row says only why it does not. A row that is ahead of
 * the engine, because somebody is about to freeze the account or died on the way, does not stop a transfer yet.
 */
function stateOf({ lifecycle, generation }: AccountName, isClosed: boolean): AccountState {
  if (!isClosed) return AccountState.OPEN
  switch (lifecycle) {
    case 'CLOSED':
      return AccountState.CLOSED
    case 'FROZEN':
    case 'CLOSING':
    case 'CLOSING_FROZEN':
      return AccountState.FROZEN
    case 'OPEN':
      // Never frozen: a transfer that is not ours closed it. Else it is being unfrozen.
      return generation === 0 ? AccountState.CLOSED : AccountState.FROZEN
  }
}

/** A moment of the engine as the contract shows it. */
export function timeMessage(timestampNs: bigint): Timestamp {
  return { seconds: timestampNs / NS_PER_SECOND, nanos: Number(timestampNs % NS_PER_SECOND) }
}

/** Counters as the contract shows them. */
export function balances(counters: Counters, assetCode: string): Balances {
  const { debitsPending, debitsPosted, creditsPending, creditsPosted } = counters
  return {
    debitsPosted: money(debitsPosted, assetCode),
    creditsPosted: money(creditsPosted, assetCode),
    debitsPending: money(debitsPending, assetCode),
    creditsPending: money(creditsPending, assetCode),
    posted: money(creditsPosted - debitsPosted, assetCode),
    available: money(creditsPosted - debitsPosted - debitsPending, assetCode),
  }
}

/**
 * An amount, or nothing where it is beyond int64. Counters only grow, so a busy house account of an asset with many
 * decimals gets there one day. A missing number is seen; a capped one would be believed, and an error would make the
 * account's other numbers, which fit, unreadable.
 */
export function money(minorUnits: bigint, assetCode: string): Money | undefined {
  if (minorUnits < INT64_MIN || minorUnits > INT64_MAX) return undefined
  return { assetCode, minorUnits }
}
