// The house's own accounts, made on first use: transit, settlement and fee income of each asset.
import { status } from '@grpc/grpc-js'
import { RpcError } from '../../runtime/rpc-error.js'
import { isSettlementAccount, isSuspenseAccount, transitAccount } from '../ledger/account-names.js'
import { type ChainPlan } from './chain.js'
import { type AccountOrder, type Ledger } from '../ledger/ledger-client.js'

// A few per asset. When revenue accounts turn out to be many more, asking again is only slower.
const knownMax = 10_000

export class HouseAccounts {
  readonly #ledger: Ledger
  readonly #known = new Set<string>()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  /** Makes sure that the house's accounts of a chain exist. Rejects with RpcError. */
  async ensure(plan: ChainPlan): Promise<void> {
    for (const leg of plan.legs) {
      // The Ledger makes those itself.
      if (leg.role === 'limit') continue
      for (const name of [leg.debitAccount, leg.creditAccount]) {
        if (!this.#known.has(name) && !isWalletAccount(name)) await this.#create(houseAccount(name, plan.assetCode))
      }
    }
  }

  async #create(account: AccountOrder): Promise<void> {
    try {
      await this.#ledger.createAccount(account)
    } catch (error) {
      // An operator made it, of another kind or with an owner. Whether money may go there the chain will tell.
      if (!(error instanceof RpcError) || error.code !== status.ALREADY_EXISTS) throw error
    }
    if (this.#known.size >= knownMax) this.#known.clear()
    this.#known.add(account.name)
  }
}

function isWalletAccount(name: string): boolean {
  return name.startsWith('accounts/wallet.')
}

function houseAccount(name: string, assetCode: string): AccountOrder {
  return { name, assetCode, kind: kindOf(name, assetCode), owner: '' }
}

function kindOf(name: string, assetCode: string): AccountOrder['kind'] {
  if (name === transitAccount(assetCode)) return 'TRANSIT'
  if (isSuspenseAccount(name)) return 'SUSPENSE'
  return isSettlementAccount(name) ? 'SETTLEMENT' : 'FEE'
}
