/** The largest unsigned 128-bit integer. As an amount it means "as much as possible" where a rule says so. */
export const U128_MAX = (1n << 128n) - 1n

/** Timestamps are nanoseconds since 1970 below 2^63, so that every store can keep them in a signed 64-bit column. */
export const TIMESTAMP_MAX = (1n << 63n) - 1n

export const NANOSECONDS_PER_SECOND = 1_000_000_000n

/** Says whether a sum of two u128 does not fit in one. */
export function overflows(a: bigint, b: bigint): boolean {
  return a + b > U128_MAX
}

/** a − b, or zero where that would be negative. */
export function saturatingSubtract(a: bigint, b: bigint): bigint {
  return a > b ? a - b : 0n
}

export function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
