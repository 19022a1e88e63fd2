import type { Bindings } from './expression.js'
import type { Facts } from './facts.js'
import { applies, type RuleIndex } from './routes.js'
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

/**
 * The fees of a payment in the order in which they are taken: PRE before POST, then by priority and id. Fees that come to
 * zero are left out. Of a stacking group only the first that applies is there, zero or not. Throws RuleFailedError.
 */
export function feesOf(index: RuleIndex<FeeRule>, facts: Facts, bindings: Bindings): readonly Fee[] {
  const groupsTaken = new Set<string>()
  const fees: Fee[] = []
  for (const compiled of index.rulesFor(facts.operationType, facts.assetCode)) {
    const { rule } = compiled
    if (rule.stacking_group !== undefined && groupsTaken.has(rule.stacking_group)) continue
    if (!applies(compiled, bindings)) continue
    if (rule.stacking_group !== undefined) groupsTaken.add(rule.stacking_group)
    const amountMinor = feeAmountMinor(rule, facts.amountMinor)
    if (amountMinor > 0n) fees.push(feeOf(rule, amountMinor, facts.assetCode))
  }
  return [...fees.filter((fee) => fee.phase === 'PRE'), ...fees.filter((fee) => fee.phase === 'POST')]
}

/** Flat part and rounded share together, held between the rule's bounds. */
export function feeAmountMinor(
  rule: Pick<FeeRule, 'flat_minor' | 'bps' | 'min_minor' | 'max_minor'>,
  amountMinor: bigint,
): bigint {
  const feeMinor = rule.flat_minor + bpsHalfEven(amountMinor, rule.bps)
  if (feeMinor < rule.min_minor) return rule.min_minor
  return feeMinor > rule.max_minor ? rule.max_minor : feeMinor
}

/** Hundredths of a percent of an amount, to the nearest minor unit, ties to the even one (HALF_EVEN). */
export function bpsHalfEven(amountMinor: bigint, bps: number): bigint {
  const scaled = amountMinor * BigInt(bps)
  const floor = scaled / 10_000n
  const twiceRest = (scaled % 10_000n) * 2n
  const roundsUp = twiceRest > 10_000n || (twiceRest === 10_000n && floor % 2n === 1n)
  return roundsUp ? floor + 1n : floor
}

export function totalMinor(fees: readonly Fee[], phase: Fee['phase']): bigint {
  return fees.reduce((total, fee) => (fee.phase === phase ? total + fee.amountMinor : total), 0n)
}

function feeOf(rule: FeeRule, amountMinor: bigint, assetCode: string): Fee {
  const revenueAccount = rule.revenue_account.replace('{asset}', assetCode)
  return { feeId: rule.id, phase: rule.phase, amountMinor, revenueAccount }
}
