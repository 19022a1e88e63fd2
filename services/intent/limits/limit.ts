// Limits over time, as a payment meets them: Rules says which caps bind it, the Ledger counts.
//
// A window of a limit is an account in the Ledger that is funded with the cap and may not be overdrawn. A payment's chain
// debits it together with the money, so the cap, the money and the fee succeed or fail together. Which account that is
// is frozen in the intent before its chain runs, as all of the chain is.
import { type Failure } from '../intents/intent.js'

/** What a payment uses of a limit's window. */
export interface LimitLeg {
  /** The rule that caps. */
  readonly limitId: string
  /** The name that the Ledger keeps the limit under. */
  readonly limit: string
  readonly metric: 'AMOUNT' | 'COUNT'
  /** Empty for COUNT. */
  readonly assetCode: string
  /** Whom the cap binds. */
  readonly scopeKey: string
  readonly window: LimitWindow
  /** Minor units or payments, 0 or more. */
  readonly cap: bigint
  /** The payment's amount before fees, or 1. */
  readonly uses: bigint
  /** The version that set the cap. */
  readonly ruleSetVersion: bigint
}

export interface LimitWindow {
  readonly kind: 'DAILY' | 'WEEKLY' | 'MONTHLY'
  /** "2026-11-24", "2026-W48" or "2026-11". */
  readonly name: string
  /** Inclusive, in seconds since 1970. */
  readonly startSeconds: bigint
  /** Exclusive. */
  readonly endSeconds: bigint
  readonly timeZone: string
}

/** The accounts that a limit leg moves between. */
export interface LimitAccount {
  /** Debited: the window's account, `limits/{…}`. A cap that changes has an account of its own. */
  readonly account: string
  /** Credited. */
  readonly sinkAccount: string
  /** The ledger that both are on. */
  readonly ledger: number
  /** The code of what is spent. */
  readonly code: number
}

/** How much of a window is used, in minor units or payments. */
export interface LimitUsage {
  readonly cap: bigint
  /** What was spent or is held. More than the cap after the cap was lowered. */
  readonly used: bigint
  /** What may still be spent. */
  readonly left: bigint
}

/** A limit that does not allow a payment. */
export interface LimitExcess {
  readonly limitId: string
  readonly metric: LimitLeg['metric']
  readonly assetCode: string
  readonly cap: bigint
  readonly used: bigint
  /** When there is room again, in seconds since 1970; undefined for a cap on one payment. */
  readonly windowEndSeconds: bigint | undefined
}

/** What a leg debits when this amount settles, before fees: a part uses a part of a limit of amounts. */
export function limitUse({ metric, uses }: LimitLeg, amountMinor: bigint): bigint {
  return metric === 'AMOUNT' ? amountMinor : uses
}

/** Why a payment is refused that a window has no room for. */
export function limitExceeded({ limitId, metric, assetCode, window }: LimitLeg, { cap, used }: LimitUsage): Failure {
  const end = new Date(Number(window.endSeconds) * 1000).toISOString().replace('.000', '')
  const unit = metric === 'AMOUNT' ? `minor units of ${assetCode}` : 'payments'
  return {
    reason: 'LIMIT_EXCEEDED',
    message: `The limit ${limitId} allows ${cap} ${unit}, of which ${used} are used, until ${end}.`,
    limit: { limitId, metric, assetCode, cap, used, windowEndSeconds: window.endSeconds },
  }
}
