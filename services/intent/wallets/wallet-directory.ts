// Wallets by id, from memory where possible: every payment asks for two, and what it asks never changes.
import { type Pool } from 'pg'
import { Coalescer } from '../../runtime/coalesce.js'
import { walletAccount } from '../ledger/account-names.js'
import { factsOf, type Wallet } from './wallet.js'
import { markWalletOpen, walletsById } from './wallet-store.js'

export interface WalletDirectoryDeps {
  readonly pool: Pool
  readonly nowMs: () => number
  /** Creates the account of a wallet in the Ledger, or finds it there. */
  readonly openAccount: (account: string, wallet: Wallet) => Promise<void>
}

// About 300 bytes a wallet: 30 MB when full.
const walletsMax = 100_000
const lookupLimits = { itemsMax: 500, queueMax: 10_000, inFlightMax: 2 }

export class WalletDirectory {
  readonly #deps: WalletDirectoryDeps
  /** In the order of last use. Only open wallets: the rest of a wallet's facts never change. */
  readonly #known = new Map<string, Wallet>()
  readonly #lookups: Coalescer<string, Wallet | undefined>

  constructor(deps: WalletDirectoryDeps) {
    this.#deps = deps
    this.#lookups = new Coalescer({ flush: (ids) => this.#read(ids), ...lookupLimits })
  }

  /**
   * The wallet, open, if it exists. A wallet whose creation was interrupted is finished here, which may fail as any
   * call of the Ledger may.
   */
  async find(id: string): Promise<Wallet | undefined> {
    const known = this.#known.get(id)
    if (known !== undefined) return this.#remember(known)
    const found = await this.#lookups.add(id)
    return found && (await this.open(found))
  }

  /** Makes sure that the wallet's account in the Ledger exists. */
  async open(wallet: Wallet): Promise<Wallet> {
    if (wallet.open) return this.#remember(factsOf(wallet))
    await this.#deps.openAccount(walletAccount(wallet.id), wallet)
    await markWalletOpen(this.#deps.pool, wallet.id, this.#deps.nowMs())
    return this.#remember({ ...factsOf(wallet), open: true })
  }

  #remember(wallet: Wallet): Wallet {
    this.#known.delete(wallet.id)
    this.#known.set(wallet.id, wallet)
    if (this.#known.size > walletsMax) {
      const oldest = this.#known.keys().next()
      if (oldest.done !== true) this.#known.delete(oldest.value)
    }
    return wallet
  }

  async #read(ids: readonly string[]): Promise<(Wallet | undefined)[]> {
    const found = new Map((await walletsById(this.#deps.pool, ids)).map((wallet) => [wallet.id, factsOf(wallet)]))
    return ids.map((id) => found.get(id))
  }
}
