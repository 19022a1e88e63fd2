import type { Bindings } from './expression.js'
import type { Facts } from './facts.js'
import { type Risk, reasonsMax, strictest } from './risk.js'
import { applies, type CompiledRule, RuleIndex } from './rule-index.js'
import type { ScoringRule } from './rule-set.js'

// A score of an outside provider is fetched before the decision and comes with the facts as a signal, so that a decision
// stays pure. A payment that should have one and has none is treated as the rule set says, and its reasons say so.

/** The signal that holds a provider's score, 0 to 1000. */
export const scoreSignal = 'external_score'

/** The reason of a payment that should have a score and has none. */
export const scoreMissing = 'SCORE_MISSING'

export type ScoringIndex = RuleIndex<CompiledRule<ScoringRule>>

export function indexScoring(scoring: ScoringRule | undefined): ScoringIndex {
  const rules = scoring === undefined ? [] : [scoring]
  return new RuleIndex<CompiledRule<ScoringRule>>(rules, (rule, condition) => ({ rule, condition }))
}

/** The rule by which the payment should have a score that it has not; undefined when it needs none. Throws RuleFailedError. */
export function missingScore(index: ScoringIndex, facts: Facts, bindings: Bindings): ScoringRule | undefined {
  if (facts.signals.has(scoreSignal)) return undefined
  return index.rulesFor(facts.operationType, facts.assetCode).find((compiled) => applies(compiled, bindings))?.rule
}

/** The risk of a payment that should have a score and has none. */
export function withoutScore(risk: Risk, { without_score }: ScoringRule): Risk {
  if (without_score === 'IGNORE') return risk
  return {
    ...risk,
    action: strictest([risk.action, without_score]),
    // First, so that no other reasons push it out.
    reasons: [...new Set([scoreMissing, ...risk.reasons])].slice(0, reasonsMax),
  }
}
