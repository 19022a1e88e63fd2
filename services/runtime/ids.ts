import { randomFillSync } from 'node:crypto'
import { NIL, parse, v5, v7 } from 'uuid'
import type { Clock } from './clock.js'

/** Where randomness comes from: that many unpredictable bytes, which the caller must use before asking again. */
export type Random = (size: number) => Uint8Array

/** The Uint128 message of the contracts, structurally. */
export interface Uint128Parts {
  high: bigint
  low: bigint
}

const mask64 = (1n << 64n) - 1n

// One kernel call fills a pool: asking for 16 bytes at a time costs more than the rest of making an id.
const pool = new Uint8Array(4096)
let poolUsed = pool.length

/** The machine's cryptographic randomness. */
export const systemRandom: Random = (size) => {
  if (size > pool.length) return randomFillSync(new Uint8Array(size))
  if (poolUsed + size > pool.length) {
    randomFillSync(pool)
    poolUsed = 0
  }
  poolUsed += size
  return pool.slice(poolUsed - size, poolUsed)
}

/** A UUIDv7 (RFC 9562): 48 bits of the clock's milliseconds, the rest random. Sorts by time to the millisecond. */
export function uuidV7(clock: Clock, random: Random): string {
  return v7({ msecs: clock.nowMs(), random: random(16) })
}

const namespaces = new Map<string, Uint8Array>()

/**
 * The 128-bit id of a named resource: UUIDv5(UUIDv5(nil UUID, namespace), name), read big-endian. The rule by which
 * the Ledger and its callers agree on account ids without asking each other.
 */
export function uuidV5ToUint128(namespace: string, name: string): bigint {
  let parent = namespaces.get(namespace)
  if (parent === undefined) {
    parent = v5(namespace, NIL, new Uint8Array(16))
    namespaces.set(namespace, parent)
  }
  return bytesToBigint(v5(name, parent, new Uint8Array(16)))
}

function bytesToBigint(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16)
  return (view.getBigUint64(0) << 64n) | view.getBigUint64(8)
}

/** A UUID's text as an unsigned 128-bit integer. Throws TypeError when the text is no UUID. */
export function uuidToBigint(uuid: string): bigint {
  return bytesToBigint(parse(uuid))
}

/** An unsigned 128-bit integer as UUID text, whatever its version bits say. Throws RangeError outside 128 bits. */
export function bigintToUuid(value: bigint): string {
  if (value < 0n || value >> 128n !== 0n) throw new RangeError('Not an unsigned 128-bit integer.')
  const hex = value.toString(16).padStart(32, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** Splits 0 ≤ value < 2^128 into the halves of a Uint128 message. Throws RangeError outside. */
export function toUint128(value: bigint): Uint128Parts {
  if (value < 0n || value >> 128n !== 0n) throw new RangeError('Not an unsigned 128-bit integer.')
  return { high: value >> 64n, low: value & mask64 }
}

/** The value of a Uint128 message; an absent one is 0, as proto3 has it. */
export function fromUint128(parts: Uint128Parts | undefined): bigint {
  return parts === undefined ? 0n : (parts.high << 64n) | parts.low
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Whether a text is a UUID as this service and PostgreSQL write them. */
export function isUuid(text: string): boolean {
  return uuidPattern.test(text)
}
