import { AccountServiceService } from '../../gen/paymesh/ledger/v1/account_service.js'
import { LedgerAdminServiceService } from '../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import { TransferServiceService } from '../../gen/paymesh/ledger/v1/transfer_service.js'
import { type Clock } from '../runtime/clock.js'
import { bind, type Binding } from '../runtime/server.js'
import { type AssetStore } from './asset-store.js'
import { type Engine } from './engine.js'
import { type NamedAccountStore } from './named-account-store.js'
import { updateAccount } from './rpc/update-account.js'
import { freezeAccount } from './rpc/freeze-account.js'
import { unfreezeAccount } from './rpc/unfreeze-account.js'
import { closeAccount } from './rpc/close-account.js'
import { listEntries } from './rpc/list-entries.js'
import { streamStatement } from './rpc/stream-statement.js'
import { getBalanceAt } from './rpc/get-balance-at.js'
import { ensureLimitAccount } from './rpc/ensure-limit-account.js'
import { getLimitUsage } from './rpc/get-limit-usage.js'
import { createAccount } from './rpc/create-account.js'
import { createAccounts } from './rpc/create-accounts.js'
import { createAsset } from './rpc/create-asset.js'
import { createTransfers } from './rpc/create-transfers.js'
import { getAccount } from './rpc/get-account.js'
import { getAccountBalances } from './rpc/get-account-balances.js'
import { getAccountTransfers } from './rpc/get-account-transfers.js'
import { listAccounts } from './rpc/list-accounts.js'
import { listAssets } from './rpc/list-assets.js'
import { lookupAccounts } from './rpc/lookup-accounts.js'
import { lookupTransfers } from './rpc/lookup-transfers.js'
import { postChain } from './rpc/post-chain.js'
import { queryAccounts } from './rpc/query-accounts.js'
import { queryTransfers } from './rpc/query-transfers.js'
import { postHold } from './rpc/post-hold.js'
import { reconcile } from './rpc/reconcile.js'
import { OpenStreams, submit } from './rpc/submit.js'
import { takeSnapshot, type TakeSnapshotBooks } from './rpc/take-snapshot.js'
import { type VerifyBooks, verifyLedger } from './rpc/verify-ledger.js'
import { voidHold } from './rpc/void-hold.js'

/** What the handlers need between them. */
export interface LedgerDeps {
  readonly engine: Engine
  readonly assets: AssetStore
  readonly names: NamedAccountStore
  /** The books as PostgreSQL has them; undefined where another engine keeps them. */
  readonly books: (TakeSnapshotBooks & VerifyBooks) | undefined
  readonly clock: Clock
  /** What account ids and the ids of chains are derived with. */
  readonly namespace: string
}

/** The services that only the writer can answer in full; their health follows the writer's office. */
export const SERVICE_NAMES = [
  'paymesh.ledger.v1.AccountService',
  'paymesh.ledger.v1.TransferService',
  'paymesh.ledger.v1.LedgerAdminService',
] as const

/** TransferService alone, for an engine without names. */
export function transferBinding(deps: { readonly engine: Engine }): Binding {
  const streams = new OpenStreams()
  return bind(TransferServiceService, {
    createAccounts: (call, request) => createAccounts(deps, call, request),
    createTransfers: (call, request) => createTransfers(deps, call, request),
    lookupAccounts: (call, request) => lookupAccounts(deps, call, request),
    lookupTransfers: (call, request) => lookupTransfers(deps, call, request),
    getAccountTransfers: (call, request) => getAccountTransfers(deps, call, request),
    getAccountBalances: (call, request) => getAccountBalances(deps, call, request),
    queryAccounts: (call, request) => queryAccounts(deps, call, request),
    queryTransfers: (call, request) => queryTransfers(deps, call, request),
    submit: (call, requests) => submit({ ...deps, streams }, call, requests),
  })
}

export function ledgerBindings(deps: LedgerDeps): Binding[] {
  return [
    bind(AccountServiceService, {
      createAccount: (call, request) => createAccount(deps, call, request),
      getAccount: (call, request) => getAccount(deps, call, request),
      listAccounts: (call, request) => listAccounts(deps, call, request),
      listEntries: (call, request) => listEntries(deps, call, request),
      streamStatement: (call, request) => streamStatement(deps, call, request),
      getBalanceAt: (call, request) => getBalanceAt(deps, call, request),
      ensureLimitAccount: (call, request) => ensureLimitAccount(deps, call, request),
      getLimitUsage: (call, request) => getLimitUsage(deps, call, request),
      updateAccount: (call, request) => updateAccount(deps, call, request),
      freezeAccount: (call, request) => freezeAccount(deps, call, request),
      unfreezeAccount: (call, request) => unfreezeAccount(deps, call, request),
      closeAccount: (call, request) => closeAccount(deps, call, request),
      postChain: (call, request) => postChain(deps, call, request),
      postHold: (call, request) => postHold(deps, call, request),
      voidHold: (call, request) => voidHold(deps, call, request),
    }),
    transferBinding(deps),
    bind(LedgerAdminServiceService, {
      createAsset: (call, request) => createAsset(deps, call, request),
      listAssets: (call, request) => listAssets(deps, call, request),
      verifyLedger: (call, request) => verifyLedger(deps, call, request),
      reconcile: (call, requests) => reconcile(deps, call, requests),
      takeSnapshot: (call, request) => takeSnapshot(deps, call, request),
    }),
  ]
}
