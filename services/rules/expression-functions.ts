import { type CelFunc, celFunc, CelScalar, isCelList } from '@bufbuild/cel'
import { basisPoints, bpsHalfEven, clamp, fitsInt64, partsOf, ratedHalfEven } from './amounts.js'

// What expressions may call beside CEL's own functions. All of it is on ints: minor units and hundredths of a percent.
// Whatever has no exact answer within int64 fails, as CEL's own arithmetic does.

const tiersMax = 32

/** The functions by name, for the list of what may be called. */
export const ownFunctionNames = ['bps', 'tiered', 'min', 'max', 'clamp'] as const

const { INT, STRING, DYN } = CelScalar

export const ownFunctions: readonly CelFunc[] = [
  /** bps(amount, 25, "half_even"): hundredths of a percent of an amount, rounded. */
  celFunc('bps', [INT, INT, STRING], INT, (amountMinor, bps, rounding) => {
    demandRounding(rounding)
    demandRate(bps)
    demand(amountMinor >= 0n, 'bps is of an amount of zero or more')
    return bpsHalfEven(amountMinor, bps)
  }),
  /**
   * tiered(amount, [100000, 1000000], [50, 25, 10], "half_even"): the part of the amount up to the first bound at the first
   * rate, from there to the second bound at the second, and the rest at the last; rounded once.
   */
  celFunc('tiered', [INT, DYN, DYN, STRING], INT, (amountMinor, bounds, rates, rounding) => {
    demandRounding(rounding)
    demand(amountMinor >= 0n, 'tiered is of an amount of zero or more')
    const boundsMinor = intsOf(bounds)
    const bps = intsOf(rates)
    demand(bps.length === boundsMinor.length + 1, 'tiered needs one rate more than bounds')
    demand(isAscending(boundsMinor), 'the bounds of tiered must ascend from more than zero')
    for (const rate of bps) demandRate(rate)
    const parts = partsOf(amountMinor, boundsMinor)
    return ratedHalfEven(parts.map((partMinor, index) => ({ partMinor, bps: bps[index] ?? 0n })))
  }),
  celFunc('min', [INT, INT], INT, (left, right) => (left < right ? left : right)),
  celFunc('max', [INT, INT], INT, (left, right) => (left > right ? left : right)),
  /** clamp(value, low, high) */
  celFunc('clamp', [INT, INT, INT], INT, (value, low, high) => {
    demand(low <= high, 'the bounds of clamp must be in order')
    return clamp(value, low, high)
  }),
]

function demand(condition: boolean, otherwise: string): void {
  if (!condition) throw new RangeError(otherwise)
}

function demandRounding(rounding: string): void {
  demand(rounding === 'half_even', 'the rounding must be "half_even"')
}

function demandRate(bps: bigint): void {
  demand(bps >= 0n && bps <= basisPoints, `a rate must be 0 to ${basisPoints} hundredths of a percent`)
}

function intsOf(value: unknown): readonly bigint[] {
  const elements: readonly unknown[] = isCelList(value) && value.size <= tiersMax ? [...value] : []
  const ints = elements.filter((element) => typeof element === 'bigint' && fitsInt64(element))
  demand(isCelList(value) && ints.length === value.size, `tiered takes lists of at most ${tiersMax} ints`)
  return ints.filter((element) => typeof element === 'bigint')
}

function isAscending(bounds: readonly bigint[]): boolean {
  return bounds.every((bound, index) => bound > (bounds[index - 1] ?? 0n))
}
