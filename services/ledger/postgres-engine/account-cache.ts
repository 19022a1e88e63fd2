import { type Account } from '../state-machine/account.js'
import { type Index } from '../state-machine/state.js'

/**
 * The accounts that were used lately. Two generations instead of an ordered list: an account that is used moves to the
 * young one, and when that is full the old one is forgotten. A use costs one look-up and never a re-ordering, and what
 * is kept is always the most recent `half` accounts at least.
 */
export class AccountCache implements Index<Account> {
  readonly #half: number
  #young = new Map<bigint, Account>()
  #old = new Map<bigint, Account>()

  /** @param accountsMax how many accounts are kept between batches, at most. */
  constructor(accountsMax: number) {
    this.#half = Math.max(1, Math.floor(accountsMax / 2))
  }

  /** Makes room. Only between batches: within one, every account that it touches must stay. */
  age(): void {
    if (this.#young.size < this.#half) return
    this.#old = this.#young
    this.#young = new Map()
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(id: bigint): Account | undefined {
    const young = this.#young.get(id)
    if (young !== undefined) return young
    const old = this.#old.get(id)
    if (old !== undefined) {
      this.#old.delete(id)
      this.#young.set(id, old)
    }
    return old
  }

  set(id: bigint, account: Account): void {
    this.#young.set(id, account)
  }

  delete(id: bigint): void {
    this.#young.delete(id)
    this.#old.delete(id)
  }
}
