// Filling a wallet from another of its owner's when it runs low.
//
// A rule is looked at when a payment took money from its wallet, when it was changed, and once an hour. When less is
// available than the threshold, a round begins: one write numbers it and counts its amount as used of the day's cap, then
// the payment is made under a request id of the round's own, then one write ends it. A crash leaves a round that has
// begun, and whoever finds it makes the same payment again, which is the first one.
import { type Order } from '../intents/intent.js'

/** A rule makes payments without anybody asking, two may fill each other's wallets, and what they make is kept for ever. */
export const topUpsADayMax = 100n

/** What the owner wishes. Amounts are in minor units of the wallet's asset, above zero. */
export interface AutoTopUpRule {
  readonly enabled: boolean
  /** Below this much available, the wallet is filled. Undefined, as the next three, until somebody said. */
  readonly thresholdMinor: bigint | undefined
  readonly amountMinor: bigint | undefined
  readonly sourceWalletId: string | undefined
  /** At least the amount, at most `topUpsADayMax` times it. */
  readonly dailyCapMinor: bigint | undefined
}

/** A round that has begun. */
export interface PendingTopUp {
  readonly amountMinor: bigint
  readonly sourceWalletId: string
}

/** A rule and how far it is. */
export interface AutoTopUp extends AutoTopUpRule {
  readonly walletId: string
  readonly revision: number
  readonly round: bigint
  readonly pending: PendingTopUp | undefined
  /** Of today (UTC), what is under way included. */
  readonly usedTodayMinor: bigint
  readonly nudges: bigint
  /** When it is looked at again after a failure, or after a day whose cap was used up; undefined when at any time. */
  readonly retryMs: number | undefined
  readonly lastFailure: { readonly reason: string; readonly timeMs: number } | undefined
  readonly lastIntentId: string | undefined
}

export const noRule: AutoTopUpRule = {
  enabled: false,
  thresholdMinor: undefined,
  amountMinor: undefined,
  sourceWalletId: undefined,
  dailyCapMinor: undefined,
}

/**
 * Who asks for top-ups: this service. Not the owner, whose request ids are the owner's to choose: one could be used for
 * something else before the round that needs it. The owner sees the payments nevertheless, as who pays and is paid.
 */
export const topUpCreator = 'peers/intent'

export const topUpOperation = 'AUTO_TOPUP'

/** The request id of a round. Never change its form: it keeps a round from being paid twice. */
export function topUpRequestId(walletId: string, round: bigint): string {
  return `auto-top-up.${walletId}.${round}`
}

/** The payment of a round. */
export function topUpOrder(walletId: string, assetCode: string, { amountMinor, sourceWalletId }: PendingTopUp): Order {
  return {
    operationType: topUpOperation,
    payer: { kind: 'wallet', walletId: sourceWalletId },
    payee: { kind: 'wallet', walletId },
    assetCode,
    amountMinor,
    metadata: {},
    holdSeconds: undefined,
  }
}
