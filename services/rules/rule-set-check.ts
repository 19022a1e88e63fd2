import { type Expression, ExpressionFailedError } from './expression.js'
import { checkExpression, failureOn, guardExpression, type Sample, type Scope } from './expression-guard.js'
import { int64Max } from './facts.js'
import { feeAmountMinor } from './fees.js'
import type { ScopedRule } from './rule-index.js'
import { type FeeRule, type LimitRule, type RiskRule, type RuleSet, RuleSetInvalidError } from './rule-set.js'

// What only publishing checks: that expressions keep their bounds and work, and that fees can be taken. A version that is
// published stays decidable even if later releases check more.

/** The legs of limits join a payment's chain in the Ledger, which has room for so many beside the money and the fees. */
const limitsPerPaymentMax = 16

/** Throws RuleSetInvalidError with every problem found. */
export function checkRuleSet(ruleSet: RuleSet): void {
  const problems = [...ruleSetProblems(ruleSet)].filter((problem) => problem !== undefined)
  if (problems.length > 0) throw new RuleSetInvalidError(problems)
}

/** Every problem; undefined after each rule, so that whoever watches a check knows that it goes on. */
export function* ruleSetProblems(ruleSet: RuleSet): Generator<string | undefined> {
  for (const [place, problems] of rulesWithProblems(ruleSet)) {
    yield* problemsOf(place, problems())
    yield undefined
  }
  yield* crowdedScopes(ruleSet.limits)
}

/** Each rule's place, and what finds its problems. */
function* rulesWithProblems(ruleSet: RuleSet): Generator<readonly [place: string, () => readonly Problem[]]> {
  const scopeOf = scopesBy(ruleSet)
  for (const route of ruleSet.routes) yield [`routes.${route.id}`, () => conditionProblems(scopeOf, route)]
  for (const fee of ruleSet.fees) yield [`fees.${fee.id}`, () => feeProblems(scopeOf, fee)]
  for (const limit of ruleSet.limits) yield [`limits.${limit.id}`, () => limitProblems(scopeOf, limit)]
  for (const rule of ruleSet.risk.rules) yield [`risk.rules.${rule.id}`, () => riskProblems(scopeOf, rule)]
  for (const rule of ruleSet.step_up) yield [`step_up.${rule.id}`, () => conditionProblems(scopeOf, rule)]
  const { scoring } = ruleSet
  if (scoring !== undefined) yield ['scoring', () => conditionProblems(scopeOf, scoring)]
}

/** A field of a rule, empty for the rule as a whole, and what is wrong with it. */
type Problem = readonly [field: string, description: string]

function problemsOf(place: string, problems: readonly Problem[]): readonly string[] {
  return problems.map(([field, description]) => `${field === '' ? place : `${place}.${field}`}: ${description}`)
}

function under(field: string, descriptions: readonly string[]): readonly Problem[] {
  return descriptions.map((description) => [field, description])
}

function conditionProblems(scopeOf: ScopeOf, rule: ScopedRule): readonly Problem[] {
  if (rule.condition === undefined) return []
  return under('condition', checkExpression(rule.condition, 'bool', scopeOf(rule)))
}

function limitProblems(scopeOf: ScopeOf, limit: LimitRule): readonly Problem[] {
  const { scope_key } = limit
  const problems = scope_key === undefined ? [] : checkExpression(scope_key, 'string', scopeOf(limit))
  return [...conditionProblems(scopeOf, limit), ...under('scope_key', problems)]
}

function riskProblems(scopeOf: ScopeOf, rule: RiskRule): readonly Problem[] {
  const { score } = rule
  const problems = typeof score === 'string' ? checkExpression(score, 'int', scopeOf(rule)) : []
  return [...conditionProblems(scopeOf, rule), ...under('score', problems)]
}

function feeProblems(scopeOf: ScopeOf, fee: FeeRule): readonly Problem[] {
  const scope = scopeOf(fee)
  const inCondition = conditionProblems(scopeOf, fee)
  if (fee.amount !== undefined) {
    return [...inCondition, ...under('amount', inCondition.length > 0 ? [] : formulaProblems(fee, fee.amount, scope))]
  }
  const always = 'is over the amount of every payment that a route takes'
  return isAlwaysOverAmount(fee, scope.routedMinor) ? [...inCondition, ['', always]] : inCondition
}

/** A formula is tried on the facts on which the fee is taken; where it is taken on none of those tried, on all of them. */
function formulaProblems(fee: FeeRule, amount: string, scope: Scope): readonly string[] {
  const condition = guardExpression(fee.condition ?? 'true', 'bool', scope)
  const formula = guardExpression(amount, 'int', scope, condition.kind === 'bounded' ? condition.tested : new Set())
  if (formula.kind === 'refused') return formula.problems
  const samples = [...formula.samples, ...(condition.kind === 'bounded' ? condition.samples : [])]
  const taken = samples.filter(({ bindings }) => condition.kind === 'bounded' && holds(condition.evaluate, bindings))
  const found = taken.length === 0 ? formula.samples : taken
  return [...new Set(found.flatMap((sample) => formulaFailure(fee, formula.evaluate, sample, taken.length > 0)))]
}

function formulaFailure(fee: FeeRule, formula: Expression<bigint>, sample: Sample, isTaken: boolean) {
  const failures = failureOn(formula, sample)
  if (failures.length > 0 || !isTaken) return failures
  const feeMinor = formula(sample.bindings)
  if (feeMinor <= 0n) return [`comes to ${feeMinor} on ${sample.name}; it must come to more than zero`]
  const isOver = fee.phase === 'POST' && feeMinor > sample.facts.amountMinor
  return isOver ? [`comes to ${feeMinor} on ${sample.name}; a POST fee must not be over the amount`] : []
}

function holds(condition: Expression<boolean>, bindings: Sample['bindings']): boolean {
  try {
    return condition(bindings)
  } catch (error) {
    if (error instanceof ExpressionFailedError) return false
    throw error
  }
}

/**
 * Whether a POST fee is over every amount up to the largest that routes take. Within a tier a fee grows no faster than the
 * amount, so it is nearest to the amount at the tier's end.
 */
function isAlwaysOverAmount(fee: FeeRule, largestMinor: bigint): boolean {
  if (fee.phase !== 'POST') return false
  const ends = (fee.tiers ?? []).flatMap(({ up_to_minor }) => (up_to_minor === undefined ? [] : [up_to_minor]))
  const nearest = [...ends.filter((end) => end < largestMinor), largestMinor]
  // Without a bound of its own a fee is not held to int64 here: it would seem to fit the largest amount.
  const rule = fee.max_minor === int64Max ? { ...fee, max_minor: int64Max * 3n } : fee
  return nearest.every((amountMinor) => feeAmountMinor(rule, amountMinor) > amountMinor)
}

interface RoutedScope extends Scope {
  /** The largest amount that a route takes, in minor units. */
  readonly routedMinor: bigint
}

/** No larger than this, so that a formula may multiply by a rate before it divides. */
const triedMinorMax = 1_000_000_000_000n

/** The payments that a rule is tried on: of its first operation type and asset, as small and as large as routes take. */
type ScopeOf = (rule: ScopedRule) => RoutedScope

/** Each scope is found once: there may be as many routes as rules. */
function scopesBy({ routes }: RuleSet): ScopeOf {
  const found = new Map<string, RoutedScope>()
  return ({ operation_types: [operationType = ''], assets }) => {
    const assetCode = assets?.[0] ?? 'THB'
    const key = `${operationType}/${assetCode}`
    const scope = found.get(key) ?? scopeBy(routes, operationType, assetCode)
    found.set(key, scope)
    return scope
  }
}

function scopeBy(routes: RuleSet['routes'], operationType: string, assetCode: string): RoutedScope {
  const taking = routes.filter(
    ({ enabled, operation_types, assets }) =>
      enabled && operation_types.includes(operationType) && (assets?.includes(assetCode) ?? true),
  )
  const lowestMinor = least(taking.map(({ min_minor }) => min_minor)) ?? 1n
  const routedMinor = greatest(taking.map(({ max_minor }) => max_minor)) ?? int64Max
  return {
    operationType,
    assetCode,
    lowestMinor: lowestMinor > 1n ? lowestMinor : 1n,
    highestMinor: routedMinor < triedMinorMax ? routedMinor : triedMinorMax,
    routedMinor,
  }
}

function least(numbers: readonly bigint[]): bigint | undefined {
  return [...numbers].sort((left, right) => (left < right ? -1 : 1)).at(0)
}

function greatest(numbers: readonly bigint[]): bigint | undefined {
  return [...numbers].sort((left, right) => (left < right ? -1 : 1)).at(-1)
}

/** Scopes for which more limits may bind one payment than its chain has room for. */
function crowdedScopes(limits: readonly LimitRule[]): readonly string[] {
  const counted = limits.filter(({ enabled, window }) => enabled && window !== 'PER_TRANSACTION')
  const scopes = counted.flatMap(({ operation_types, assets = [''] }) =>
    operation_types.flatMap((operationType) => assets.map((asset) => ({ operationType, asset }))),
  )
  const crowded = scopes.filter(({ operationType, asset }) => {
    const binding = counted.filter(
      (limit) =>
        limit.operation_types.includes(operationType) && (asset === '' || (limit.assets?.includes(asset) ?? true)),
    )
    return binding.length > limitsPerPaymentMax
  })
  const names = new Set(crowded.map(({ operationType, asset }) => `${operationType} ${asset}`.trim()))
  return [...names].map((name) => `limits: more than ${limitsPerPaymentMax} are for ${name}`)
}
