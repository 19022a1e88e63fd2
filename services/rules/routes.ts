import { type Bindings, compileCondition, type Condition } from './expression.js'
import { compareBytes, type Facts } from './facts.js'
import type { RouteRule } from './rule-set.js'

/** What rules of every kind have in common: what they are for, and in which order they are asked. */
export interface ScopedRule {
  readonly id: string
  readonly operation_type: string
  readonly assets?: readonly string[] | undefined
  readonly priority: number
  readonly enabled: boolean
  readonly condition?: string | undefined
}

export interface CompiledRule<R extends ScopedRule> {
  readonly rule: R
  readonly condition: Condition
}

/** A rule failed on some facts, so nothing can be decided by this version. Nobody but the author of the rule can mend it. */
export class RuleFailedError extends Error {
  readonly ruleId: string
  constructor(ruleId: string, cause: unknown) {
    super(`rule ${ruleId} failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.name = 'RuleFailedError'
    this.ruleId = ruleId
  }
}

/**
 * Enabled rules by operation type and asset, each list in the order in which it is asked: so a thousand rules for other
 * operations or assets cost a payment nothing.
 */
export class RuleIndex<R extends ScopedRule> {
  private readonly byScope = new Map<string, readonly CompiledRule<R>[]>()

  constructor(rules: readonly R[]) {
    const compiled = rules
      .filter((rule) => rule.enabled)
      .sort((left, right) => left.priority - right.priority || compareBytes(left.id, right.id))
      .map((rule) => ({ rule, condition: compileCondition(rule.condition) }))
    for (const [operationType, ofType] of groupBy(compiled, ({ rule }) => rule.operation_type)) {
      const assets = new Set(ofType.flatMap(({ rule }) => rule.assets ?? []))
      for (const asset of [...assets, anyAsset]) {
        const ofAsset = ofType.filter(({ rule }) => rule.assets?.includes(asset) ?? true)
        this.byScope.set(scopeKey(operationType, asset), ofAsset)
      }
    }
  }

  rulesFor(operationType: string, assetCode: string): readonly CompiledRule<R>[] {
    return (
      this.byScope.get(scopeKey(operationType, assetCode)) ?? this.byScope.get(scopeKey(operationType, anyAsset)) ?? []
    )
  }
}

/** Asset codes are never empty, so the empty one stands for an asset that no rule names. */
const anyAsset = ''

function scopeKey(operationType: string, asset: string): string {
  return `${operationType}/${asset}`
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}

/** Whether a rule's condition holds. Throws RuleFailedError. */
export function applies(compiled: CompiledRule<ScopedRule>, bindings: Bindings): boolean {
  try {
    return compiled.condition.holds(bindings)
  } catch (error) {
    throw new RuleFailedError(compiled.rule.id, error)
  }
}

/** The first route that takes the payment, or undefined. Throws RuleFailedError. */
export function findRoute(index: RuleIndex<RouteRule>, facts: Facts, bindings: Bindings): RouteRule | undefined {
  return index
    .rulesFor(facts.operationType, facts.assetCode)
    .find(
      (compiled) =>
        facts.amountMinor >= compiled.rule.min_minor &&
        facts.amountMinor <= compiled.rule.max_minor &&
        applies(compiled, bindings),
    )?.rule
}
