import { Account as AccountMessage, AccountState, type Balances } from '../../gen/paymesh/ledger/v1/account.js'
import { type Money } from '../../gen/paymesh/money/v1/money.js'
import { toUint128 } from '../runtime/ids.js'
import { type NamedAccount } from './named-account-store.js'
import { type Counters } from './state-machine/account.js'

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
    state: account.closed ? AccountState.CLOSED : AccountState.OPEN,
    balances: balances(account, name.assetCode),
    labels: name.labels,
    createTime: { seconds: account.timestamp / 1_000_000_000n, nanos: Number(account.timestamp % 1_000_000_000n) },
  })
}

function balances(counters: Counters, assetCode: string): Balances {
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
function money(minorUnits: bigint, assetCode: string): Money | undefined {
  if (minorUnits < INT64_MIN || minorUnits > INT64_MAX) return undefined
  return { assetCode, minorUnits }
}
