// What Rules decided about a payment, as the rest of the service trusts it, and the totals that follow from it.
import { type Failure } from '../intents/intent.js'
import { type LimitLeg } from '../limits/limit.js'

/** The most that an amount on the wire can say: int64. */
export const amountMaxMinor = 2n ** 63n - 1n

export interface Fee {
  readonly feeId: string
  /** PRE: the payer pays it on top of the amount. POST: it is deducted from what the payee gets. */
  readonly phase: 'PRE' | 'POST'
  /** More than zero, in the asset of the payment. */
  readonly amountMinor: bigint
  /** The account in the Ledger that receives it, `accounts/{account}`. */
  readonly revenueAccount: string
}

/** Why Rules wants a person to look at a payment before it goes on. */
export interface Review {
  /** How risky, 0 to 1000. */
  readonly score: number
  readonly reasons: readonly string[]
}

/** A level above a password, as access tokens name it (`acr`). */
export type RequiredLevel = 'device' | 'pin'

export type Verdict =
  | {
      readonly kind: 'routed'
      readonly channel: string
      readonly fees: readonly Fee[]
      /** What the payment uses of limits over time; it may happen only together with a chain that debits each. */
      readonly limits: readonly LimitLeg[]
      /** Undefined when the payment may go on at once. */
      readonly review: Review | undefined
      /** How strongly whoever asks must have proven who they are; undefined when a password is enough. */
      readonly requiredLevel: RequiredLevel | undefined
    }
  | { readonly kind: 'refused'; readonly failure: Failure }

export interface Decision {
  readonly ruleSetVersion: bigint
  readonly verdict: Verdict
  /** SHA-256, as Rules made it. */
  readonly digest: Uint8Array
}

/** What the payer's account is debited and the payee's credited, in minor units. */
export interface Totals {
  readonly payerMinor: bigint
  readonly payeeMinor: bigint
}

export function feesOf(decision: Decision): readonly Fee[] {
  return decision.verdict.kind === 'routed' ? decision.verdict.fees : []
}

export function limitsOf(decision: Decision): readonly LimitLeg[] {
  return decision.verdict.kind === 'routed' ? decision.verdict.limits : []
}

/** Why a person has to approve the payment; undefined when nobody has to. */
export function reviewOf(decision: Decision): Review | undefined {
  return decision.verdict.kind === 'routed' ? decision.verdict.review : undefined
}

/** How strongly whoever asks must have proven who they are; undefined when a password is enough. */
export function requiredLevelOf(decision: Decision): RequiredLevel | undefined {
  return decision.verdict.kind === 'routed' ? decision.verdict.requiredLevel : undefined
}

/** The totals of a payment, as the fees make them: not checked against any bound. */
export function totalsOf(amountMinor: bigint, decision: Decision): Totals {
  const sum = (phase: Fee['phase']) =>
    feesOf(decision).reduce((total, fee) => (fee.phase === phase ? total + fee.amountMinor : total), 0n)
  return { payerMinor: amountMinor + sum('PRE'), payeeMinor: amountMinor - sum('POST') }
}
