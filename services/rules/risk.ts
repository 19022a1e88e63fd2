import { clamp } from './amounts.js'
import { type Bindings, compileInt, type Expression } from './expression.js'
import type { Facts } from './facts.js'
import { applies, type CompiledRule, evaluated, RuleIndex } from './rule-index.js'
import type { RiskRule, RiskRules } from './rule-set.js'

// Every risk rule whose condition holds adds its score and its reason, and may demand an action; the thresholds turn the
// sum into an action; the strictest action is the decision. Signals may be missing: `!has(signals.x)` is a condition as any
// other, so what absence means stands in the rules.

export interface Risk {
  readonly action: RiskRule['action']
  /** 0 to 1000. */
  readonly score: number
  /** In the order of the rules, each once, at most 32. */
  readonly reasons: readonly string[]
}

interface CompiledRisk extends CompiledRule<RiskRule> {
  readonly score: Expression<bigint>
}

export interface RiskIndex {
  readonly rules: RuleIndex<CompiledRisk>
  readonly reviewAt: number | undefined
  readonly denyAt: number | undefined
}

export const reasonsMax = 32
const scoreMax = 1000n

export function indexRisk({ rules, review_at, deny_at }: RiskRules): RiskIndex {
  return {
    rules: new RuleIndex<CompiledRisk>(rules, (rule, condition) => ({ rule, condition, score: scoreOf(rule) })),
    reviewAt: review_at,
    denyAt: deny_at,
  }
}

/** How risky a payment is. Throws RuleFailedError. */
export function riskOf(index: RiskIndex, facts: Facts, bindings: Bindings): Risk {
  const holding = index.rules
    .rulesFor(facts.operationType, facts.assetCode)
    .filter((compiled) => applies(compiled, bindings))
  const sum = holding.reduce((total, { rule, score }) => {
    return total + clamp(evaluated(rule, score, bindings), -scoreMax, scoreMax)
  }, 0n)
  const score = Number(clamp(sum, 0n, scoreMax))
  const demanded = holding.map(({ rule }) => rule.action)
  return {
    action: strictest([actionAt(index, score), ...demanded]),
    score,
    reasons: [...new Set(holding.map(({ rule }) => rule.reason))].slice(0, reasonsMax),
  }
}

function scoreOf({ score }: RiskRule): Expression<bigint> {
  if (typeof score === 'string') return compileInt(score)
  const constant = BigInt(score)
  return () => constant
}

function actionAt({ reviewAt, denyAt }: RiskIndex, score: number): Risk['action'] {
  if (denyAt !== undefined && score >= denyAt) return 'DENY'
  return reviewAt !== undefined && score >= reviewAt ? 'REVIEW' : 'ALLOW'
}

export function strictest(actions: readonly Risk['action'][]): Risk['action'] {
  if (actions.includes('DENY')) return 'DENY'
  return actions.includes('REVIEW') ? 'REVIEW' : 'ALLOW'
}
