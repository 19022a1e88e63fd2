// A user's account in one asset.

/** What never changes of a wallet, but `open`. */
export interface Wallet {
  /** A UUIDv7. */
  readonly id: string
  /** `users/{user}`. */
  readonly owner: string
  readonly assetCode: string
  readonly createTimeMs: number
  /** Whether its account in the Ledger is known to exist. */
  readonly open: boolean
}

/** A wallet as it was stored when it was read. */
export interface StoredWallet extends Wallet {
  readonly displayName: string
  readonly labels: Readonly<Record<string, string>>
  /** Counts the changes of display name and labels, from 1: the etag. */
  readonly revision: number
  /** When the Ledger was known to have closed its account for ever. */
  readonly closeTimeMs: number | undefined
}

/** How many wallets a user may have in one asset, closed ones aside: many times what a person keeps apart. */
export const walletsMax = 100

/** What never changes, without the rest. */
export function factsOf({ id, owner, assetCode, createTimeMs, open }: Wallet): Wallet {
  return { id, owner, assetCode, createTimeMs, open }
}
