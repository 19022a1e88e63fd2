import { bpsHalfEven, clamp, partsOf, ratedHalfEven } from './amounts.js'
import { type Bindings, compileInt, type Expression } from './expression.js'
import { type Facts, int64Max } from './facts.js'
import { applies, type CompiledRule, evaluated, RuleIndex } from './rule-index.js'
import type { FeeRule } from './rule-set.js'

export interface Fee {
  readonly feeId: string
  /** PRE: the payer pays it on top of the amount. POST: it is deducted from what the payee gets. */
  readonly phase: 'PRE' | 'POST'
  /** In minor units of the payment's asset, more than zero. */
  readonly amountMinor: bigint
  /** `accounts/{account}` in the Ledger. */
  readonly revenueAccount: string
}

export type FeesOutcome =
  | { readonly kind: 'fees'; readonly fees: readonly Fee[] }
  /** A fee's formula came to zero or less: nobody can have meant that, so no money moves by it. */
  | { readonly kind: 'not-positive'; readonly feeId: string }

interface CompiledFee extends CompiledRule<FeeRule> {
  /** The fee's own formula; undefined when flat part, rate and tiers say it all. */
  readonly formula: Expression<bigint> | undefined
}

export type FeeIndex = RuleIndex<CompiledFee>

export function indexFees(fees: readonly FeeRule[]): FeeIndex {
  return new RuleIndex<CompiledFee>(fees, (rule, condition) => ({
    rule,
    condition,
    formula: rule.amount === undefined ? undefined : compileInt(rule.amount),
  }))
}

/**
 * The fees of a payment in the order in which they are taken: PRE before POST, then by priority and id. Shares that round to
 * zero are left out. Of a stacking group only the first that applies is there, zero or not. Throws RuleFailedError.
 */
export function feesOf(index: FeeIndex, facts: Facts, bindings: Bindings): FeesOutcome {
  const groupsTaken = new Set<string>()
  const fees: Fee[] = []
  for (const compiled of index.rulesFor(facts.operationType, facts.assetCode)) {
    const { rule, formula } = compiled
    if (rule.stacking_group !== undefined && groupsTaken.has(rule.stacking_group)) continue
    if (!applies(compiled, bindings)) continue
    if (rule.stacking_group !== undefined) groupsTaken.add(rule.stacking_group)
    const amountMinor = formula ? evaluated(rule, formula, bindings) : feeAmountMinor(rule, facts.amountMinor)
    if (formula && amountMinor <= 0n) return { kind: 'not-positive', feeId: rule.id }
    if (amountMinor > 0n) fees.push(feeOf(rule, amountMinor, facts.assetCode))
  }
  const inOrder = [...fees.filter((fee) => fee.phase === 'PRE'), ...fees.filter((fee) => fee.phase === 'POST')]
  return { kind: 'fees', fees: inOrder }
}

type Priced = Pick<FeeRule, 'flat_minor' | 'bps' | 'tiers' | 'tier_mode' | 'min_minor' | 'max_minor'>

/** Flat part and rounded share together, by the tiers where there are any, held between the rule's bounds. */
export function feeAmountMinor(rule: Priced, amountMinor: bigint): bigint {
  return clamp(unboundedMinor(rule, amountMinor), rule.min_minor, rule.max_minor)
}

type Tiers = NonNullable<FeeRule['tiers']>

function unboundedMinor({ tiers, tier_mode, flat_minor, bps }: Priced, amountMinor: bigint): bigint {
  if (tiers === undefined) return flat_minor + bpsHalfEven(amountMinor, bps)
  return tier_mode === 'GRADUATED' ? graduatedMinor(tiers, amountMinor) : wholeMinor(tiers, amountMinor)
}

function wholeMinor(tiers: Tiers, amountMinor: bigint): bigint {
  const tier = tiers.find(({ up_to_minor }) => amountMinor <= (up_to_minor ?? int64Max))
  return tier === undefined ? 0n : tier.flat_minor + bpsHalfEven(amountMinor, tier.bps)
}

/** Each tier's flat part is taken when the amount reaches into the tier. The shares are rounded once, together. */
function graduatedMinor(tiers: Tiers, amountMinor: bigint): bigint {
  const parts = partsOf(
    amountMinor,
    tiers.flatMap(({ up_to_minor }) => (up_to_minor === undefined ? [] : [up_to_minor])),
  )
  const reached = tiers.map((tier, index) => ({ tier, partMinor: parts[index] ?? 0n }))
  const flatMinor = reached.reduce((sum, { tier, partMinor }) => (partMinor > 0n ? sum + tier.flat_minor : sum), 0n)
  return flatMinor + ratedHalfEven(reached.map(({ tier, partMinor }) => ({ partMinor, bps: BigInt(tier.bps) })))
}

export function totalMinor(fees: readonly Fee[], phase: Fee['phase']): bigint {
  return fees.reduce((total, fee) => (fee.phase === phase ? total + fee.amountMinor : total), 0n)
}

function feeOf(rule: FeeRule, amountMinor: bigint, assetCode: string): Fee {
  const revenueAccount = rule.revenue_account.replace('{asset}', assetCode)
  return { feeId: rule.id, phase: rule.phase, amountMinor, revenueAccount }
}
