import { parseExpression, type SyntaxTree } from './expression.js'
import { type CompiledRule, RuleIndex, type ScopedRule } from './rule-index.js'
import type { RuleSet } from './rule-set.js'

// Which signals expressions name: what publishing holds against them, and what a payment's decision needs to be measured.

/** The signals of an expression. */
export interface SignalsNamed {
  /** Read, so that the expression fails without them. */
  readonly read: ReadonlySet<string>
  /** Asked for whether they are there, by `has(signals.x)` or `"x" in signals`. */
  readonly tested: ReadonlySet<string>
  /** Both. */
  readonly named: ReadonlySet<string>
  /** Whether `signals` is used in another way too, which names none. */
  readonly unnamed: boolean
}

export function signalsIn(tree: SyntaxTree): SignalsNamed {
  const [read, tested] = [new Set<string>(), new Set<string>()]
  let unnamed = false
  const visit = (expr: Part): void => {
    const use = signalUse(expr)
    if (use !== undefined) (use.kind === 'read' ? read : tested).add(use.name)
    else if (isSignals(expr)) unnamed = true
    else for (const part of partsOf(expr)) visit(part)
  }
  visit(tree)
  return { read, tested, named: new Set([...read, ...tested]), unnamed }
}

type Part = SyntaxTree | undefined
type SignalUse = { readonly kind: 'read' | 'tested'; readonly name: string }

function signalUse(expr: Part): SignalUse | undefined {
  const kind = expr?.exprKind
  if (kind?.case === 'selectExpr' && isSignals(kind.value.operand)) {
    return { kind: kind.value.testOnly ? 'tested' : 'read', name: kind.value.field }
  }
  if (kind?.case !== 'callExpr') return undefined
  const [first, second] = kind.value.args
  if (kind.value.function === '@in' && isSignals(second)) return useOf('tested', first)
  return kind.value.function === '_[_]' && isSignals(first) ? useOf('read', second) : undefined
}

function useOf(kind: SignalUse['kind'], name: Part): SignalUse | undefined {
  const constant = name?.exprKind.case === 'constExpr' ? name.exprKind.value.constantKind : undefined
  return constant?.case === 'stringValue' ? { kind, name: constant.value } : undefined
}

function isSignals(expr: Part): boolean {
  return expr?.exprKind.case === 'identExpr' && expr.exprKind.value.name === 'signals'
}

/** The expressions directly in one. What may not be published anyway (messages, maps) is not looked into. */
function partsOf(expr: Part): readonly Part[] {
  const kind = expr?.exprKind
  switch (kind?.case) {
    case 'selectExpr':
      return [kind.value.operand]
    case 'callExpr':
      return [kind.value.target, ...kind.value.args]
    case 'listExpr':
      return kind.value.elements
    case 'comprehensionExpr': {
      const { iterRange, accuInit, loopCondition, loopStep, result } = kind.value
      return [iterRange, accuInit, loopCondition, loopStep, result]
    }
    default:
      return []
  }
}

/** What a rule is for, and the signals that its expressions name. */
interface NamingRule extends ScopedRule {
  readonly names: ReadonlySet<string>
}

/** Which signals the rules for a kind of payment name. */
export class SignalIndex {
  readonly #rules: RuleIndex<CompiledRule<NamingRule>>
  /** Found once for each list of the index. */
  readonly #found = new WeakMap<readonly CompiledRule<NamingRule>[], readonly string[]>()

  constructor(ruleSet: RuleSet) {
    const rules = expressionsOf(ruleSet).flatMap(([{ id, operation_types, assets, priority, enabled }, sources]) => {
      const names = new Set(sources.flatMap(namesIn))
      return names.size === 0 ? [] : [{ id, operation_types, assets, priority, enabled, names }]
    })
    this.#rules = new RuleIndex<CompiledRule<NamingRule>>(rules, (rule, condition) => ({ rule, condition }))
  }

  namesFor(operationType: string, assetCode: string): readonly string[] {
    const rules = this.#rules.rulesFor(operationType, assetCode)
    let found = this.#found.get(rules)
    if (found === undefined) {
      found = [...new Set(rules.flatMap(({ rule }) => [...rule.names]))].sort()
      this.#found.set(rules, found)
    }
    return found
  }
}

/** Every rule with its expressions. */
function expressionsOf(ruleSet: RuleSet): readonly (readonly [ScopedRule, readonly (string | undefined)[]])[] {
  return [
    ...ruleSet.routes.map((rule) => [rule, [rule.condition]] as const),
    ...ruleSet.fees.map((rule) => [rule, [rule.condition, rule.amount]] as const),
    ...ruleSet.limits.map((rule) => [rule, [rule.condition, rule.scope_key]] as const),
    ...ruleSet.risk.rules.map((rule) => [rule, [rule.condition, scoreSource(rule.score)]] as const),
    ...ruleSet.step_up.map((rule) => [rule, [rule.condition]] as const),
    ...(ruleSet.scoring === undefined ? [] : [[ruleSet.scoring, [ruleSet.scoring.condition]] as const]),
  ]
}

function scoreSource(score: number | string): string | undefined {
  return typeof score === 'string' ? score : undefined
}

function namesIn(source: string | undefined): readonly string[] {
  // Most expressions name none, and looking for the word is cheaper than parsing.
  if (source === undefined || !source.includes('signals')) return []
  return [...signalsIn(parseExpression(source)).named]
}
