// The Ledger's 128-bit ids of accounts, from their names.
import { toUint128, type Uint128Parts, uuidV5ToUint128 } from '../../runtime/ids.js'

// As many as there are wallets in memory; about 200 bytes each.
const knownMax = 100_000

export class AccountIds {
  readonly #namespace: string
  readonly #known = new Map<string, Uint128Parts>()

  /** The namespace must be the Ledger's. */
  constructor(namespace: string) {
    this.#namespace = namespace
  }

  /** The id; remembered, because a payment asks for eight and each costs a SHA-1. */
  of(name: string): Uint128Parts {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const id = toUint128(uuidV5ToUint128(this.#namespace, name))
    // Full means that names come and go: beginning anew costs each of them one SHA-1.
    if (this.#known.size >= knownMax) this.#known.clear()
    this.#known.set(name, id)
    return id
  }
}
