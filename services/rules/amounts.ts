import { int64Max } from './facts.js'

// Arithmetic on minor units. Everything is exact until the one rounding, which is named.

export const basisPoints = 10_000n

/** Divides to the nearest integer, ties to the even one. The numerator must not be negative, the divisor be positive. */
export function divideHalfEven(numerator: bigint, divisor: bigint): bigint {
  const floor = numerator / divisor
  const twiceRest = (numerator % divisor) * 2n
  const roundsUp = twiceRest > divisor || (twiceRest === divisor && floor % 2n === 1n)
  return roundsUp ? floor + 1n : floor
}

/** Hundredths of a percent of an amount, to the nearest minor unit, ties to the even one (HALF_EVEN). */
export function bpsHalfEven(amountMinor: bigint, bps: number | bigint): bigint {
  return divideHalfEven(amountMinor * BigInt(bps), basisPoints)
}

/** A part of an amount and the rate that it bears. */
export interface RatedPart {
  readonly partMinor: bigint
  readonly bps: bigint
}

/** Several parts of an amount, each at its own rate, together: summed exactly and rounded once (HALF_EVEN). */
export function ratedHalfEven(parts: readonly RatedPart[]): bigint {
  const scaled = parts.reduce((sum, { partMinor, bps }) => sum + partMinor * bps, 0n)
  return divideHalfEven(scaled, basisPoints)
}

/**
 * Cuts an amount at ascending bounds: the part up to and including the first bound, the part from there to the second,
 * and so on; the last is what is over all bounds. One part more than bounds; those beyond the amount are zero.
 */
export function partsOf(amountMinor: bigint, boundsMinor: readonly bigint[]): readonly bigint[] {
  const ends = [...boundsMinor.map((bound) => (bound < amountMinor ? bound : amountMinor)), amountMinor]
  return ends.map((end, index) => end - (ends[index - 1] ?? 0n))
}

export function clamp(value: bigint, low: bigint, high: bigint): bigint {
  if (value < low) return low
  return value > high ? high : value
}

export function fitsInt64(value: bigint): boolean {
  return value <= int64Max && value >= -int64Max - 1n
}
