import { type Bindings, compileCondition, type Expression } from './expression.js'
import { compareBytes } from './facts.js'

/** What rules of every kind have in common: what they are for, and in which order they are asked. */
export interface ScopedRule {
  readonly id: string
  /** What kinds of payment the rule is for. */
  readonly operation_types: readonly string[]
  /** The assets that the rule is for; absent means every asset. */
  readonly assets?: readonly string[] | undefined
  readonly priority: number
  readonly enabled: boolean
  readonly condition?: string | undefined
}

/** A rule with its expressions planned. */
export interface CompiledRule<R extends ScopedRule> {
  readonly rule: R
  readonly condition: Expression<boolean>
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
export class RuleIndex<C extends CompiledRule<ScopedRule>> {
  private readonly byScope = new Map<string, readonly C[]>()

  /** Plans each rule's condition, and with `compile` what else it has. */
  constructor(rules: readonly C['rule'][], compile: (rule: C['rule'], condition: Expression<boolean>) => C) {
    const compiled = rules
      .filter((rule) => rule.enabled)
      .sort(inOrder)
      .map((rule) => compile(rule, compileCondition(rule.condition)))
    for (const [operationType, ofType] of groupByEach(compiled, ({ rule }) => rule.operation_types)) {
      const assets = new Set(ofType.flatMap(({ rule }) => rule.assets ?? []))
      for (const asset of [...assets, anyAsset]) {
        const ofAsset = ofType.filter(({ rule }) => rule.assets?.includes(asset) ?? true)
        this.byScope.set(scopeKey(operationType, asset), ofAsset)
      }
    }
  }

  /** Whether no rule is for any payment. */
  get isEmpty(): boolean {
    return this.byScope.size === 0
  }

  rulesFor(operationType: string, assetCode: string): readonly C[] {
    return (
      this.byScope.get(scopeKey(operationType, assetCode)) ?? this.byScope.get(scopeKey(operationType, anyAsset)) ?? []
    )
  }
}

/** Asset codes are never empty, so the empty one stands for an asset that no rule names. */
const anyAsset = ''

/** Lower priority first; equal priorities are ordered by id. */
function inOrder(left: ScopedRule, right: ScopedRule): number {
  return left.priority - right.priority || compareBytes(left.id, right.id)
}

function scopeKey(operationType: string, asset: string): string {
  return `${operationType}/${asset}`
}

function groupByEach<T>(items: readonly T[], keysOf: (item: T) => readonly string[]): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    for (const key of new Set(keysOf(item))) {
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [item])
      else group.push(item)
    }
  }
  return groups
}

/** Whether a rule's condition holds. Throws RuleFailedError. */
export function applies({ rule, condition }: CompiledRule<ScopedRule>, bindings: Bindings): boolean {
  return evaluated(rule, condition, bindings)
}

/** What one of a rule's expressions gives. Throws RuleFailedError. */
export function evaluated<T>(rule: ScopedRule, expression: Expression<T>, bindings: Bindings): T {
  try {
    return expression(bindings)
  } catch (error) {
    throw new RuleFailedError(rule.id, error)
  }
}
