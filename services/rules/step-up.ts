import type { Bindings } from './expression.js'
import type { Facts } from './facts.js'
import { applies, type CompiledRule, RuleIndex } from './rule-index.js'
import type { StepUpRule } from './rule-set.js'

// How strongly whoever asks for a payment must have proven who they are. Rules says what is needed, for the payment alone:
// what the session has proven is no fact, so a decision is the same before and after stepping up, and whoever carries it
// out compares.

export type RequiredLevel = StepUpRule['level']

export type StepUpIndex = RuleIndex<CompiledRule<StepUpRule>>

export function indexStepUp(rules: readonly StepUpRule[]): StepUpIndex {
  return new RuleIndex<CompiledRule<StepUpRule>>(rules, (rule, condition) => ({ rule, condition }))
}

/** The strictest level that a rule demands; undefined when none does. Throws RuleFailedError. */
export function requiredLevelOf(index: StepUpIndex, facts: Facts, bindings: Bindings): RequiredLevel | undefined {
  const levels = index
    .rulesFor(facts.operationType, facts.assetCode)
    .filter((compiled) => facts.amountMinor >= compiled.rule.min_minor && applies(compiled, bindings))
    .map(({ rule }) => rule.level)
  return levels.includes('PIN') ? 'PIN' : levels.at(0)
}
