// What the handlers need.
import { type Pool } from 'pg'
import { type Clock } from '../../runtime/clock.js'
import { type Random } from '../../runtime/ids.js'
import { type Keyring } from '../../runtime/keyring.js'
import { type AccountIds } from '../ledger/account-ids.js'
import { type Channels } from '../channels/channels.js'
import { type AddressGuard } from '../webhooks/address-guard.js'
import { type Advance, type Advanced } from '../saga/advance.js'
import { type HoldStore } from '../intents/hold-store.js'
import { type ReachCrashPoint } from '../crash-points.js'
import { type Failure, type Intent } from '../intents/intent.js'
import { type IntentStore } from '../intents/intent-store.js'
import { type Ledger } from '../ledger/ledger-client.js'
import { type Payments } from '../saga/payments.js'
import { type Provider } from '../providers/provider.js'
import { type ProviderInbox } from '../providers/provider-inbox.js'
import { type ReadPool } from '../intents/read-pool.js'
import { type Rules } from '../decisions/rules-client.js'
import { type WalletAccounts } from '../wallets/wallet-accounts-client.js'
import { type WalletDirectory } from '../wallets/wallet-directory.js'
import { type WatchHub } from '../events/watch-hub.js'

export interface RpcDeps {
  readonly pool: Pool
  /** For lists and sums, which may be a moment old. */
  readonly reads: ReadPool
  readonly clock: Clock
  readonly store: IntentStore
  readonly holds: HoldStore
  readonly advance: Advance
  /** Ends an intent because an operator says so. */
  readonly fail: (intent: Intent, failure: Failure) => Promise<Advanced>
  readonly crashPoint: ReachCrashPoint
  readonly channels: Channels
  readonly wallets: WalletDirectory
  readonly payments: Payments
  readonly rules: Rules
  readonly providers: ReadonlyMap<string, Provider>
  readonly inbox: ProviderInbox
  readonly ledger: Ledger
  readonly walletAccounts: WalletAccounts
  readonly watchHub: WatchHub
  readonly newWalletId: () => string
  readonly newId: () => string
  readonly accountIds: AccountIds
  readonly watchLimits: WatchLimits
  readonly webhooks: WebhookParts
}

/** What endpoints are checked with, and what their secrets are made of and sealed by. */
export interface WebhookParts {
  readonly guard: AddressGuard
  readonly httpsOnly: boolean
  readonly keyring: Keyring
  readonly random: Random
}

export interface WatchLimits {
  /** How long a watch may be silent. */
  readonly heartbeatMs: number
  /** How long a watch may be open. */
  readonly openMsMax: number
}
