import { U128_MAX } from '../state-machine/u128.js'

// The client refuses what does not fit, except in u32 fields: there it wraps -1 and cuts 1.5 off without a word, and
// money would move on another ledger. So every number is checked before the client sees it. A number out of range is
// a bug of the caller: requests were checked where they came in.

const U64_MAX = (1n << 64n) - 1n
const U32_MAX = 0xffff_ffff
const U16_MAX = 0xffff

export function u128(value: bigint, field: string): bigint {
  return bounded(value, U128_MAX, field)
}

export function u64(value: bigint, field: string): bigint {
  return bounded(value, U64_MAX, field)
}

export function u32(value: number, field: string): number {
  return whole(value, U32_MAX, field)
}

export function u16(value: number, field: string): number {
  return whole(value, U16_MAX, field)
}

function bounded(value: bigint, most: bigint, field: string): bigint {
  if (value < 0n || value > most) throw new RangeError(`${field} is ${value}, and must be 0 to ${most}.`)
  return value
}

function whole(value: number, most: number, field: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= most) return value
  throw new RangeError(`${field} is ${value}, and must be a whole number of 0 to ${most}.`)
}
