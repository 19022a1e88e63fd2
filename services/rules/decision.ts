import { decisionDigest } from './digest.js'
import { bindFacts, checkCondition } from './expression.js'
import { type Facts, int64Max } from './facts.js'
import { type Fee, feesOf, totalMinor } from './fees.js'
import { findRoute, RuleIndex, type ScopedRule } from './routes.js'
import { type FeeRule, type RouteRule, type RuleSet, RuleSetInvalidError } from './rule-set.js'

/** A published version, ready to decide. Immutable. */
export interface CompiledRuleSet {
  readonly version: bigint
  readonly routes: RuleIndex<RouteRule>
  readonly fees: RuleIndex<FeeRule>
}

export type RefusalReason =
  /** No route takes the payment. */
  | 'NO_ROUTE'
  /** The POST fees come to more than the amount. */
  | 'FEE_EXCEEDS_AMOUNT'
  /** Amount and PRE fees together, or a fee, do not fit the ledger's int64 of minor units. */
  | 'AMOUNT_TOO_LARGE'

export interface Refusal {
  readonly reason: RefusalReason
  readonly message: string
}

/** Either a channel and its fees, or why not. */
export type Outcome =
  | { readonly kind: 'allowed'; readonly channel: string; readonly fees: readonly Fee[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

export interface Decision {
  readonly ruleSetVersion: bigint
  readonly outcome: Outcome
  /** See digest.ts. */
  readonly digest: Buffer
}

/** Plans every condition of a version once. Throws ConditionFailedError when one does not parse. */
export function compileRuleSet(version: bigint, ruleSet: RuleSet): CompiledRuleSet {
  return { version, routes: new RuleIndex(ruleSet.routes), fees: new RuleIndex(ruleSet.fees) }
}

/**
 * Checks what only publishing checks: that conditions stay within their bounds and work. A version that is published
 * stays decidable even if later releases bound conditions more tightly. Throws RuleSetInvalidError.
 */
export function checkConditions(ruleSet: RuleSet): void {
  const problemsOf = (list: string, rules: readonly ScopedRule[]) =>
    rules.flatMap((rule) => {
      if (rule.condition === undefined) return []
      const scope = { operationType: rule.operation_type, assetCode: rule.assets?.[0] ?? 'THB' }
      return checkCondition(rule.condition, scope).map((problem) => `${list}.${rule.id}.condition: ${problem}`)
    })
  const problems = [...problemsOf('routes', ruleSet.routes), ...problemsOf('fees', ruleSet.fees)]
  if (problems.length > 0) throw new RuleSetInvalidError(problems)
}

/** Decides a payment. Pure: the same version and facts give the same bytes everywhere. Throws RuleFailedError. */
export function decide(ruleSet: CompiledRuleSet, facts: Facts): Decision {
  const outcome = outcomeOf(ruleSet, facts)
  return { ruleSetVersion: ruleSet.version, outcome, digest: decisionDigest(ruleSet.version, facts, outcome) }
}

function outcomeOf(ruleSet: CompiledRuleSet, facts: Facts): Outcome {
  const bindings = bindFacts(facts)
  const route = findRoute(ruleSet.routes, facts, bindings)
  if (route === undefined) return refused('NO_ROUTE', `No route takes ${facts.operationType} in ${facts.assetCode}.`)
  const fees = feesOf(ruleSet.fees, facts, bindings)
  if (facts.amountMinor + totalMinor(fees, 'PRE') > int64Max) {
    return refused('AMOUNT_TOO_LARGE', 'The amount and its fees are more than the ledger can hold.')
  }
  const postMinor = totalMinor(fees, 'POST')
  if (postMinor > facts.amountMinor) {
    return refused('FEE_EXCEEDS_AMOUNT', `The fees of ${postMinor} minor units are more than the amount.`)
  }
  return { kind: 'allowed', channel: route.channel, fees }
}

function refused(reason: RefusalReason, message: string): Outcome {
  return { kind: 'refused', refusal: { reason, message } }
}
