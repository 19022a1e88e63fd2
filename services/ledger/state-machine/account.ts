export const AccountFlag = {
  LINKED: 1,
  DEBITS_MUST_NOT_EXCEED_CREDITS: 2,
  CREDITS_MUST_NOT_EXCEED_DEBITS: 4,
  HISTORY: 8,
  IMPORTED: 16,
  CLOSED: 32,
} as const

/** The bits that mean something; any other is `reserved_flag`. */
export const ACCOUNT_FLAGS = 63

/** What an account has moved, ever: four counters, never a net balance. u128 minor units each. */
export interface Counters {
  readonly debitsPending: bigint
  readonly debitsPosted: bigint
  readonly creditsPending: bigint
  readonly creditsPosted: bigint
}

/** What a caller asks for, and what never changes of an account once it is made. */
interface AccountProperties {
  readonly id: bigint
  readonly userData128: bigint
  readonly userData64: bigint
  readonly userData32: number
  readonly ledger: number
  readonly code: number
}

/** A request to create an account, field for field as on the wire. Ranges are checked before: u128, u64, u32, u16. */
export interface AccountEvent extends AccountProperties, Counters {
  readonly reserved: number
  readonly flags: number
  /** Zero, or the moment an imported account was made. */
  readonly timestamp: bigint
}

/** An account of the ledger. Only the state (state.ts) changes its counters and `closed`. */
export interface Account extends AccountProperties {
  debitsPending: bigint
  debitsPosted: bigint
  creditsPending: bigint
  creditsPosted: bigint
  /** The flags as the account was created with them. Reads and retries see `accountFlags`. */
  readonly flags: number
  /** Whether the account is closed now, from its creation or by a closing transfer. */
  closed: boolean
  /** When it was created, nanoseconds since 1970; unique over accounts and transfers. */
  readonly timestamp: bigint
}

/** The flags as callers see them: `closed` comes and goes, every other bit is as created. */
export function accountFlags(account: Account): number {
  return account.closed ? account.flags | AccountFlag.CLOSED : account.flags
}

/** The counters of an account right after one transfer; kept for accounts with the `history` flag. */
export interface BalanceRow extends Counters {
  readonly accountId: bigint
  /** The timestamp of the transfer. */
  readonly timestamp: bigint
}
