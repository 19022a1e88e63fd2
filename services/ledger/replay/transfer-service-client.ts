import { TransferServiceService } from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import { type Client, createClient } from '../../runtime/client.js'
import { toUint128 } from '../../runtime/ids.js'
import { type TlsFiles } from '../../runtime/mesh-credentials.js'
import { RpcError } from '../../runtime/rpc-error.js'
import { type Decided, NONE_READ_LATER } from '../engine.js'
import { type Account, type AccountEvent, type BalanceRow } from '../state-machine/account.js'
import { type AccountFilter, type QueryFilter } from '../state-machine/filters.js'
import { type AccountResult, type TransferResult } from '../state-machine/status.js'
import { type Transfer } from '../state-machine/transfer.js'
import {
  accountOf,
  balanceOf,
  engineAccountEvent,
  transferEvent,
  wireAccountFilter,
  wireQueryFilter,
  wireTransfer,
} from '../wire.js'
import { NotExpressibleError, type ReplayedEngine, TooMuchDataError } from './replayed-ledger.js'

/** Where a Ledger's TransferService answers, and who asks. */
export interface TransferServiceAddress {
  readonly address: string
  readonly tls: TlsFiles
}

/** A Ledger's TransferService as an engine: what a transcript asks goes through gRPC. */
export class TransferServiceClient implements ReplayedEngine {
  readonly #client: Client<typeof TransferServiceService>

  constructor({ address, tls }: TransferServiceAddress) {
    const serviceConfig = 'proto/paymesh/ledger/v1/ledger_service_config.json'
    this.#client = createClient(TransferServiceService, { address, peer: 'ledger', tls, serviceConfig })
  }

  async createAccounts(events: readonly AccountEvent[]): Promise<readonly AccountResult[]> {
    if (events.some(({ reserved }) => reserved !== 0))
      throw new NotExpressibleError('the contract has no field "reserved"')
    const { results } = await this.#client.createAccounts({ accounts: events.map(engineAccountEvent) })
    return results as readonly AccountResult[]
  }

  async createTransfers(events: readonly Transfer[]): Promise<Decided> {
    const { results } = await this.#client.createTransfers({ transfers: events.map(wireTransfer) })
    return { results: results as readonly TransferResult[], accounts: [], accountsReadLater: NONE_READ_LATER }
  }

  async lookupAccounts(ids: readonly bigint[]): Promise<Account[]> {
    return (await this.#client.lookupAccounts({ ids: ids.map(toUint128) })).accounts.map(accountOf)
  }

  async lookupTransfers(ids: readonly bigint[]): Promise<Transfer[]> {
    return (await this.#client.lookupTransfers({ ids: ids.map(toUint128) })).transfers.map(transferEvent)
  }

  async getAccountTransfers(filter: AccountFilter): Promise<Transfer[]> {
    const answer = await refusable(this.#client.getAccountTransfers({ filter: wireAccountFilter(filter) }))
    return answer.transfers.map(transferEvent)
  }

  async getAccountBalances(filter: AccountFilter): Promise<BalanceRow[]> {
    const answer = await refusable(this.#client.getAccountBalances({ filter: wireAccountFilter(filter) }))
    return answer.balances.map((balance) => balanceOf(filter.accountId, balance))
  }

  async queryAccounts(filter: QueryFilter): Promise<Account[]> {
    const answer = await refusable(this.#client.queryAccounts({ filter: wireQueryFilter(filter) }))
    return answer.accounts.map(accountOf)
  }

  async queryTransfers(filter: QueryFilter): Promise<Transfer[]> {
    const answer = await refusable(this.#client.queryTransfers({ filter: wireQueryFilter(filter) }))
    return answer.transfers.map(transferEvent)
  }

  close(): void {
    this.#client.close()
  }
}

async function refusable<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof RpcError && error.reason === 'BATCH_TOO_LARGE') throw new TooMuchDataError(error.message)
    throw error
  }
}
