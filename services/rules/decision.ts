import { decisionDigest } from './digest.js'
import { type Bindings, bindFacts } from './expression.js'
import { type Facts, int64Max } from './facts.js'
import { type Fee, type FeeIndex, feesOf, indexFees, totalMinor } from './fees.js'
import { indexLimits, type LimitExcess, type LimitIndex, type LimitLeg, limitsOf } from './limits.js'
import { RateLimits } from './rate-limits/rate-limits.js'
import { indexRisk, type Risk, type RiskIndex, riskOf } from './risk.js'
import { findRoute, indexRoutes, type RouteIndex } from './routes.js'
import type { RuleSet } from './rule-set.js'
import { indexScoring, missingScore, type ScoringIndex, withoutScore } from './scoring.js'
import { indexStepUp, type RequiredLevel, requiredLevelOf, type StepUpIndex } from './step-up.js'
import { SignalIndex } from './signal-names.js'

/** A published version, ready to decide. Immutable. */
export interface CompiledRuleSet {
  readonly version: bigint
  readonly routes: RouteIndex
  readonly fees: FeeIndex
  readonly limits: LimitIndex
  readonly risk: RiskIndex
  readonly stepUp: StepUpIndex
  readonly scoring: ScoringIndex
  readonly signals: SignalIndex
  readonly rateLimits: RateLimits
}

/** Why a payment may not happen: the first of these that is true, in this order. */
export type RefusalReason =
  /** No route takes the payment. */
  | 'NO_ROUTE'
  /** A fee's formula came to zero or less. */
  | 'FEE_NOT_POSITIVE'
  /** Amount and PRE fees together, or a fee, do not fit the ledger's int64 of minor units. */
  | 'AMOUNT_TOO_LARGE'
  /** The POST fees come to more than the amount. */
  | 'FEE_EXCEEDS_AMOUNT'
  /** The amount is over a cap for one payment. */
  | 'LIMIT_EXCEEDED'
  /** The risk rules say DENY. */
  | 'RISK_DENIED'

export interface Refusal {
  readonly reason: RefusalReason
  readonly message: string
  /** With LIMIT_EXCEEDED. */
  readonly limit?: LimitExcess
}

/** What is to happen with a payment, or why nothing may. */
export type Outcome =
  | {
      readonly kind: 'allowed'
      readonly channel: string
      readonly fees: readonly Fee[]
      readonly limitLegs: readonly LimitLeg[]
      readonly risk: Risk
      /** Undefined when a password is enough. */
      readonly requiredLevel: RequiredLevel | undefined
    }
  /** `risk` is there with RISK_DENIED: the payment was not looked at that far otherwise. */
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly risk?: Risk }

export interface Decision {
  readonly ruleSetVersion: bigint
  readonly outcome: Outcome
  /** See digest.ts. */
  readonly digest: Buffer
}

/** Plans every expression of a version once. Throws ExpressionFailedError when one does not parse. */
export function compileRuleSet(version: bigint, ruleSet: RuleSet): CompiledRuleSet {
  return {
    version,
    routes: indexRoutes(ruleSet.routes),
    fees: indexFees(ruleSet.fees),
    limits: indexLimits(ruleSet.limits),
    risk: indexRisk(ruleSet.risk),
    stepUp: indexStepUp(ruleSet.step_up),
    scoring: indexScoring(ruleSet.scoring),
    signals: new SignalIndex(ruleSet),
    rateLimits: new RateLimits(ruleSet.rate_limits),
  }
}

/** Decides a payment. Pure: the same version and facts give the same bytes everywhere. Throws RuleFailedError. */
export function decide(ruleSet: CompiledRuleSet, facts: Facts): Decision {
  const outcome = outcomeOf(ruleSet, facts, bindFacts(facts))
  return { ruleSetVersion: ruleSet.version, outcome, digest: decisionDigest(ruleSet.version, facts, outcome) }
}

function outcomeOf(ruleSet: CompiledRuleSet, facts: Facts, bindings: Bindings): Outcome {
  const route = findRoute(ruleSet.routes, facts, bindings)
  if (route === undefined) return refused('NO_ROUTE', `No route takes ${facts.operationType} in ${facts.assetCode}.`)
  const charged = feesOf(ruleSet.fees, facts, bindings)
  if (charged.kind === 'not-positive') return refused('FEE_NOT_POSITIVE', `The fee ${charged.feeId} is not positive.`)
  const { fees } = charged
  const tooMuch = unbearable(fees, facts)
  if (tooMuch !== undefined) return tooMuch
  const limited = limitsOf(ruleSet.limits, facts, bindings, ruleSet.version)
  if (limited.kind === 'exceeded') return exceeded(limited.excess)
  const unscored = missingScore(ruleSet.scoring, facts, bindings)
  const measured = riskOf(ruleSet.risk, facts, bindings)
  const risk = unscored === undefined ? measured : withoutScore(measured, unscored)
  if (risk.action === 'DENY') return { ...refused('RISK_DENIED', 'The payment is too risky.'), risk }
  const requiredLevel = requiredLevelOf(ruleSet.stepUp, facts, bindings)
  return { kind: 'allowed', channel: route.channel, fees, limitLegs: limited.legs, risk, requiredLevel }
}

/** The refusal of fees that the payment cannot bear. */
function unbearable(fees: readonly Fee[], { amountMinor }: Facts): Outcome | undefined {
  if (amountMinor + totalMinor(fees, 'PRE') > int64Max) {
    return refused('AMOUNT_TOO_LARGE', 'The amount and its fees are more than the ledger can hold.')
  }
  const postMinor = totalMinor(fees, 'POST')
  if (postMinor <= amountMinor) return undefined
  return refused('FEE_EXCEEDS_AMOUNT', `The fees of ${postMinor} minor units are more than the amount.`)
}

function exceeded(limit: LimitExcess): Outcome {
  const message = `The amount is over the limit ${limit.limitId} of ${limit.cap} minor units for one payment.`
  return { kind: 'refused', refusal: { reason: 'LIMIT_EXCEEDED', message, limit } }
}

function refused(reason: RefusalReason, message: string): { readonly kind: 'refused'; readonly refusal: Refusal } {
  return { kind: 'refused', refusal: { reason, message } }
}
