// A user's account in one asset.

export interface Wallet {
  /** A UUIDv7. */
  readonly id: string
  /** `users/{user}`. */
  readonly owner: string
  readonly assetCode: string
  readonly displayName: string
  readonly createTimeMs: number
  /** Whether its account in the Ledger is known to exist. */
  readonly open: boolean
}
