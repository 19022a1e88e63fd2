// All that Intent asks of the Ledger. The only file that knows the Ledger's services.
import { status } from '@grpc/grpc-js'
import { AccountKind } from '../../../gen/paymesh/ledger/v1/account.js'
import {
  AccountServiceService,
  CreateAccountRequest,
  type EnsureLimitAccountResponse,
} from '../../../gen/paymesh/ledger/v1/account_service.js'
import { LimitMetric, type LimitUsage as UsageMessage, type LimitWindow } from '../../../gen/paymesh/ledger/v1/limit.js'
import { LedgerAdminServiceService } from '../../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import { type EngineAccount, type Transfer } from '../../../gen/paymesh/ledger/v1/transfer.js'
import { TransferServiceService } from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import { type CallOptions, type ClientOptions, createClient } from '../../runtime/client.js'
import { toUint128 } from '../../runtime/ids.js'
import { type Logger } from '../../runtime/logger.js'
import { type TlsFiles } from '../../runtime/mesh-credentials.js'
import { type Metrics } from '../../runtime/metrics.js'
import { RpcError } from '../../runtime/rpc-error.js'
import { type LimitLeg, type LimitUsage } from '../limits/limit.js'
import { type EnsuredLimit } from '../limits/limit-accounts.js'
import { type SubmitOutcome, SubmitStream } from './submit-stream.js'

/** An account as Intent asks for it. */
export interface AccountOrder {
  /** `accounts/{account}`. */
  readonly name: string
  readonly assetCode: string
  readonly kind: 'WALLET' | 'TRANSIT' | 'SETTLEMENT' | 'FEE' | 'SUSPENSE'
  /** The resource that owns it; empty for the house's own. */
  readonly owner: string
}

export interface Ledger {
  /** Decides transfers together. Never rejects for what the Ledger did: see SubmitOutcome. */
  submit(transfers: Transfer[]): Promise<SubmitOutcome>
  /** Reads by id, at most 253; what is not there is left out. Rejects with RpcError. */
  lookupTransfers(ids: readonly bigint[]): Promise<Transfer[]>
  lookupAccounts(ids: readonly bigint[], options?: CallOptions): Promise<EngineAccount[]>
  /** Creates the account or finds it there. Rejects with RpcError. */
  createAccount(account: AccountOrder): Promise<void>
  /** The number of the ledger of an asset; undefined when the asset is not defined. Rejects with RpcError. */
  ledgerNumber(assetCode: string): Promise<number | undefined>
  /** Opens a limit's window, under the leg's cap or one of a later version. Rejects with RpcError. */
  ensureLimit(leg: LimitLeg): Promise<EnsuredLimit>
  /** How a limit's window stands; all zero when it was never opened. Rejects with RpcError. */
  limitUsage(leg: LimitLeg, options?: CallOptions): Promise<LimitUsage>
  close(): void
}

export interface LedgerOptions {
  readonly address: string
  readonly tls: TlsFiles
  /** Milliseconds that only move forward. A wall clock that is set back would keep a broken stream closed for as long. */
  readonly elapsedMs: () => number
  readonly random: () => number
  readonly log: Logger
  readonly metrics: Metrics
  /** How many chains may wait for the stream. */
  readonly queueMax: number
}

export function connectLedger(options: LedgerOptions): Ledger {
  const { address, tls, metrics } = options
  const clientOptions: ClientOptions = {
    address,
    tls,
    metrics,
    peer: 'ledger',
    serviceConfig: 'proto/paymesh/ledger/v1/ledger_service_config.json',
  }
  const accounts = createClient(AccountServiceService, clientOptions)
  const transfers = createClient(TransferServiceService, clientOptions)
  const admin = createClient(LedgerAdminServiceService, clientOptions)
  const stream = new SubmitStream(
    {
      open: () => transfers.submit(),
      nowMs: options.elapsedMs,
      random: options.random,
      onBreak: (cause) => {
        options.log.warn({ cause }, 'the stream to the Ledger broke')
      },
    },
    options.queueMax,
  )
  const ledgerNumbers = new LedgerNumbers((pageToken) => admin.listAssets({ pageSize: 1000, pageToken }))
  return {
    submit: (batch) => stream.submit(batch),
    lookupTransfers: async (ids) => (await transfers.lookupTransfers({ ids: ids.map(toUint128) })).transfers,
    lookupAccounts: async (ids, callOptions) =>
      (await transfers.lookupAccounts({ ids: ids.map(toUint128) }, callOptions)).accounts,
    createAccount: async (account) => {
      await accounts.createAccount(createAccountRequest(account))
    },
    ensureLimit: async (leg) =>
      ensuredFrom(
        await accounts.ensureLimitAccount({ window: windowOf(leg), cap: leg.cap, version: leg.ruleSetVersion }),
      ),
    limitUsage: async (leg, callOptions) =>
      usageFrom((await accounts.getLimitUsage({ window: windowOf(leg) }, callOptions)).usage),
    ledgerNumber: (assetCode) => ledgerNumbers.find(assetCode),
    close: () => {
      stream.close()
      for (const client of [accounts, transfers, admin]) client.close()
    },
  }
}

/** Whether a failure says that nothing can be known or done now, and the same may be tried again later. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof RpcError)) return false
  const passing: readonly status[] = [
    status.UNAVAILABLE,
    status.DEADLINE_EXCEEDED,
    status.RESOURCE_EXHAUSTED,
    status.CANCELLED,
    status.ABORTED,
  ]
  return passing.includes(error.code)
}

function createAccountRequest(account: AccountOrder): CreateAccountRequest {
  return CreateAccountRequest.fromPartial({
    accountId: account.name.slice('accounts/'.length),
    account: { assetCode: account.assetCode, kind: AccountKind[account.kind], owner: account.owner },
  })
}

function windowOf({ limit, scopeKey, window, metric, assetCode }: LimitLeg): LimitWindow {
  return { limit, scopeKey, window: window.name, metric: LimitMetric[metric], assetCode }
}

function ensuredFrom({ account, sinkAccount, ledger, code, usage }: EnsureLimitAccountResponse): EnsuredLimit {
  return { account: { account, sinkAccount, ledger, code }, usage: usageFrom(usage) }
}

function usageFrom(message: UsageMessage | undefined): LimitUsage {
  if (message === undefined) throw new Error('the Ledger answered about a limit without its usage')
  const { cap, used, left } = message
  return { cap, used, left }
}

type ListAssets = (
  pageToken: string,
) => Promise<{ assets: { assetCode: string; ledger: number }[]; nextPageToken: string }>

/** The number of each asset's ledger, which never changes; read again when an asset is asked for that is not known. */
class LedgerNumbers {
  readonly #list: ListAssets
  readonly #known = new Map<string, number>()
  #reading: Promise<void> | undefined

  constructor(list: ListAssets) {
    this.#list = list
  }

  async find(assetCode: string): Promise<number | undefined> {
    const known = this.#known.get(assetCode)
    if (known !== undefined) return known
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined))
    await this.#reading
    return this.#known.get(assetCode)
  }

  async #read(): Promise<void> {
    let pageToken = ''
    do {
      const page = await this.#list(pageToken)
      for (const asset of page.assets) this.#known.set(asset.assetCode, asset.ledger)
      pageToken = page.nextPageToken
    } while (pageToken !== '')
  }
}
