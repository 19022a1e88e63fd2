// What Intent asks of the Ledger about wallets' accounts: whether they take transfers, and what moved on them.
import { type Timestamp } from '../../../gen/google/protobuf/timestamp.js'
import { AccountState } from '../../../gen/paymesh/ledger/v1/account.js'
import { AccountServiceService } from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Entry, EntryKind, EntrySide } from '../../../gen/paymesh/ledger/v1/entry.js'
import { LedgerAdminServiceService } from '../../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import { type CallOptions, type ClientOptions, createClient } from '../../runtime/client.js'
import { bigintToUuid, fromUint128 } from '../../runtime/ids.js'
import { RpcError } from '../../runtime/rpc-error.js'

export type LedgerState = 'OPEN' | 'FROZEN' | 'CLOSED'

/** What became of a wish: the account's state after it, or why it could not be. */
export type StateChanged =
  | { readonly kind: 'done'; readonly state: LedgerState }
  | { readonly kind: 'closed' }
  /** Only of closing: there is money, or a hold. */
  | { readonly kind: 'notEmpty' }

/** The change of an account's state that is wanted. */
export type StateWish = 'freeze' | 'unfreeze' | 'close'

/** One entry of an account, in minor units. */
export interface AccountEntry {
  /** Nanoseconds since 1970, different for each entry of an account. */
  readonly timeNs: bigint
  readonly kind: 'POSTED' | 'HELD' | 'HOLD_POSTED' | 'HOLD_VOIDED'
  readonly side: 'DEBIT' | 'CREDIT'
  /** Undefined beyond int64, as the balances. */
  readonly amountMinor: bigint | undefined
  /** The intent that the chain was about; undefined when it was about nothing. */
  readonly intentId: string | undefined
  readonly balanceMinor: bigint | undefined
  readonly availableMinor: bigint | undefined
}

export interface EntryQuery {
  /** Nanoseconds since 1970, both inclusive. */
  readonly minNs: bigint
  readonly maxNs: bigint
  readonly newestFirst: boolean
  /** 1 to 1000. */
  readonly countMax: number
}

export interface EntryPage {
  readonly entries: readonly AccountEntry[]
  /** Whether there are more behind them. */
  readonly more: boolean
}

/** Every function takes an account by name and rejects with RpcError when the Ledger cannot be asked. */
export interface WalletAccounts {
  state(account: string, options: CallOptions): Promise<LedgerState>
  change(account: string, wish: StateWish, options: CallOptions): Promise<StateChanged>
  entries(account: string, query: EntryQuery, options: CallOptions): Promise<EntryPage>
  /** How many digits of an asset's amounts stand behind the point. */
  assetScale(assetCode: string, options: CallOptions): Promise<number>
  close(): void
}

export function connectWalletAccounts(options: Pick<ClientOptions, 'address' | 'tls' | 'metrics'>): WalletAccounts {
  const clientOptions: ClientOptions = {
    ...options,
    peer: 'ledger',
    serviceConfig: 'proto/paymesh/ledger/v1/ledger_service_config.json',
  }
  const accounts = createClient(AccountServiceService, clientOptions)
  const admin = createClient(LedgerAdminServiceService, clientOptions)
  const rpcs = {
    freeze: accounts.freezeAccount,
    unfreeze: accounts.unfreezeAccount,
    close: accounts.closeAccount,
  }
  return {
    state: async (name, callOptions) => stateOf((await accounts.getAccount({ name }, callOptions)).account),
    change: async (name, wish, callOptions) => {
      try {
        return { kind: 'done', state: stateOf((await rpcs[wish]({ name }, callOptions)).account) }
      } catch (error) {
        return refusalOf(error)
      }
    },
    entries: async (name, query, callOptions) => {
      const { entries, nextPageToken } = await accounts.listEntries(entriesRequest(name, query), callOptions)
      return { entries: entries.map(entryOf), more: nextPageToken !== '' }
    },
    assetScale: (assetCode, callOptions) =>
      findScale((pageToken) => admin.listAssets({ pageSize: 1000, pageToken }, callOptions), assetCode),
    close: () => {
      for (const client of [accounts, admin]) client.close()
    },
  }
}

function entriesRequest(parent: string, { minNs, maxNs, newestFirst, countMax }: EntryQuery) {
  // The end of a period does not belong to it; the last moment that there is has none after it.
  const endTime = maxNs >= lastNs ? undefined : timestampFromNs(maxNs + 1n)
  const period = { startTime: timestampFromNs(minNs), endTime }
  return { parent, pageSize: countMax, pageToken: '', ...period, oldestFirst: !newestFirst }
}

const lastNs = 2n ** 63n - 1n
const nsPerSecond = 1_000_000_000n

/** A moment in nanoseconds since 1970 as the contracts say it. */
export function timestampFromNs(timeNs: bigint): Timestamp {
  return { seconds: timeNs / nsPerSecond, nanos: Number(timeNs % nsPerSecond) }
}

const kinds = {
  [EntryKind.POSTED]: 'POSTED',
  [EntryKind.HELD]: 'HELD',
  [EntryKind.HOLD_POSTED]: 'HOLD_POSTED',
  [EntryKind.HOLD_VOIDED]: 'HOLD_VOIDED',
} as const

function entryOf(entry: Entry): AccountEntry {
  const { time, kind, side, amount, subject, balancesAfter } = entry
  if (kind === EntryKind.UNSPECIFIED || kind === EntryKind.UNRECOGNIZED) throw new Error(`an entry of kind ${kind}`)
  const intent = fromUint128(subject)
  return {
    timeNs: (time?.seconds ?? 0n) * nsPerSecond + BigInt(time?.nanos ?? 0),
    kind: kinds[kind],
    side: side === EntrySide.DEBIT ? 'DEBIT' : 'CREDIT',
    amountMinor: amount?.minorUnits,
    intentId: intent === 0n ? undefined : bigintToUuid(intent),
    balanceMinor: balancesAfter?.posted?.minorUnits,
    availableMinor: balancesAfter?.available?.minorUnits,
  }
}

type ListAssets = (
  pageToken: string,
) => Promise<{ assets: { assetCode: string; scale?: number | undefined }[]; nextPageToken: string }>

async function findScale(list: ListAssets, assetCode: string): Promise<number> {
  let pageToken = ''
  do {
    const page = await list(pageToken)
    const found = page.assets.find((asset) => asset.assetCode === assetCode)
    if (found !== undefined) return found.scale ?? 0
    pageToken = page.nextPageToken
  } while (pageToken !== '')
  throw new Error(`the asset ${assetCode} of a wallet is not defined`)
}

function stateOf(account: { readonly state: AccountState } | undefined): LedgerState {
  switch (account?.state) {
    case AccountState.OPEN:
      return 'OPEN'
    case AccountState.FROZEN:
      return 'FROZEN'
    case AccountState.CLOSED:
      return 'CLOSED'
    default:
      throw new Error(`the Ledger answered an account in state ${account?.state}`)
  }
}

function refusalOf(error: unknown): StateChanged {
  const reason = error instanceof RpcError && error.domain === 'ledger.paymesh' ? error.reason : ''
  if (reason === 'ACCOUNT_CLOSED') return { kind: 'closed' }
  if (reason === 'ACCOUNT_NOT_EMPTY') return { kind: 'notEmpty' }
  throw error
}
