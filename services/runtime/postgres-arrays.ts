// Arrays in PostgreSQL's binary format (src/backend/utils/adt/arrayfuncs.c, array_recv; numeric.c, numeric_recv). The
// driver sends a Buffer as a binary value. It costs both sides less than text: no u128 is spelled out in digits here and
// read from them there.
//
//     array    dimensions (int32; 0 when empty), has nulls (int32), element type (int32), then for the one dimension
//              its length and lower bound (int32 each), then the elements
//     element  length in bytes (int32; -1 for null), then the bytes
//     numeric  digits, weight, sign, scale (int16 each), then the digits to base 10,000, the highest first

/** Object ids of types (pg_type.dat); they never change. */
const TypeOid = {
  BOOL: 16,
  BYTEA: 17,
  INT8: 20,
  INT2: 21,
  INT4: 23,
  TEXT: 25,
  JSON: 114,
  TIMESTAMPTZ: 1184,
  NUMERIC: 1700,
  UUID: 2950,
  JSONB: 3802,
} as const

const HEADER_BYTES = 20
const EMPTY_HEADER_BYTES = 12
const LENGTH_BYTES = 4
const NULL_LENGTH = -1

const NUMERIC_HEADER_BYTES = 8
/** Decimal digits in one digit to base 10,000. */
const NUMERIC_DIGIT_WIDTH = 4
/** A u128 has at most 39 decimal digits. */
const NUMERIC_DIGITS_MAX = 10
const MASK_64 = 0xffff_ffff_ffff_ffffn

/** An array of one dimension, or the empty one, with room for its elements. */
function arrayBuffer(type: number, count: number, elementBytesMax: number): Buffer {
  if (count === 0) {
    const empty = Buffer.alloc(EMPTY_HEADER_BYTES)
    empty.writeInt32BE(type, 8)
    return empty
  }
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + count * (LENGTH_BYTES + elementBytesMax))
  buffer.writeInt32BE(1, 0)
  // Whether there are nulls is told by the elements' lengths; the server does not rely on this field.
  buffer.writeInt32BE(0, 4)
  buffer.writeInt32BE(type, 8)
  buffer.writeInt32BE(count, 12)
  buffer.writeInt32BE(1, 16)
  return buffer
}

/** Writes one element's bytes at an offset and answers how many; undefined for null. */
type WriteElement<T> = (buffer: Buffer, value: T, offset: number) => number | undefined

function array<T>(type: number, elementBytesMax: number, values: readonly T[], write: WriteElement<T>): Buffer {
  const buffer = arrayBuffer(type, values.length, elementBytesMax)
  let offset = HEADER_BYTES
  for (const value of values) {
    const bytes = write(buffer, value, offset + LENGTH_BYTES)
    buffer.writeInt32BE(bytes ?? NULL_LENGTH, offset)
    offset += LENGTH_BYTES + (bytes ?? 0)
  }
  return values.length === 0 ? buffer : buffer.subarray(0, offset)
}

/** u128 as uuid[]: the same sixteen bytes. */
export function uuidArray(values: readonly bigint[]): Buffer {
  return array(TypeOid.UUID, 16, values, writeUuid)
}

/** u128 as uuid[], with null for zero. */
export function uuidOrNullArray(values: readonly bigint[]): Buffer {
  return array(TypeOid.UUID, 16, values, (buffer, value, offset) =>
    value === 0n ? undefined : writeUuid(buffer, value, offset),
  )
}

/** UUIDs in their usual text form as uuid[]. */
export function uuidTextArray(values: readonly (string | undefined)[]): Buffer {
  return array(TypeOid.UUID, 16, values, (buffer, value, offset) =>
    value === undefined ? undefined : buffer.write(value.replaceAll('-', ''), offset, 16, 'hex'),
  )
}

function writeUuid(buffer: Buffer, value: bigint, offset: number): number {
  buffer.writeBigUInt64BE(value >> 64n, offset)
  buffer.writeBigUInt64BE(value & MASK_64, offset + 8)
  return 16
}

/** Whole numbers below 2^63 as int8[], with null for undefined. */
export function int8Array(values: readonly (bigint | number | undefined)[]): Buffer {
  return array(TypeOid.INT8, 8, values, (buffer, value, offset) => {
    if (value === undefined) return undefined
    buffer.writeBigInt64BE(BigInt(value), offset)
    return 8
  })
}

export function int4Array(values: readonly (number | undefined)[]): Buffer {
  return array(TypeOid.INT4, 4, values, (buffer, value, offset) => {
    if (value === undefined) return undefined
    buffer.writeInt32BE(value, offset)
    return 4
  })
}

export function int2Array(values: readonly number[]): Buffer {
  return array(TypeOid.INT2, 2, values, (buffer, value, offset) => {
    buffer.writeInt16BE(value, offset)
    return 2
  })
}

export function boolArray(values: readonly boolean[]): Buffer {
  return array(TypeOid.BOOL, 1, values, (buffer, value, offset) => buffer.writeUInt8(value ? 1 : 0, offset) - offset)
}

/** u64 or u128 as numeric[]. Throws a RangeError on a number below zero: no counter and no amount ever is. */
export function numericArray(values: readonly bigint[]): Buffer {
  return array(TypeOid.NUMERIC, NUMERIC_HEADER_BYTES + 2 * NUMERIC_DIGITS_MAX, values, writeNumeric)
}

function writeNumeric(buffer: Buffer, value: bigint, offset: number): number {
  if (value < 0n) throw new RangeError(`${value} is below zero`)
  const text = value === 0n ? '' : value.toString()
  const digits = Math.ceil(text.length / NUMERIC_DIGIT_WIDTH)
  buffer.writeInt16BE(digits, offset)
  buffer.writeInt16BE(digits === 0 ? 0 : digits - 1, offset + 2)
  buffer.writeInt16BE(0, offset + 4)
  buffer.writeInt16BE(0, offset + 6)
  let at = offset + NUMERIC_HEADER_BYTES
  for (let end = text.length - (digits - 1) * NUMERIC_DIGIT_WIDTH; end <= text.length; end += NUMERIC_DIGIT_WIDTH) {
    at = buffer.writeInt16BE(Number(text.slice(Math.max(0, end - NUMERIC_DIGIT_WIDTH), end)), at)
  }
  return at - offset
}

/** 2000-01-01T00:00:00Z, from which timestamps count, in milliseconds since 1970. */
const TIMESTAMP_EPOCH_MS = 946_684_800_000

/** Moments in milliseconds since 1970 as timestamptz[]. */
export function timestamptzArray(valuesMs: readonly (number | undefined)[]): Buffer {
  return array(TypeOid.TIMESTAMPTZ, 8, valuesMs, (buffer, ms, offset) => {
    if (ms === undefined) return undefined
    buffer.writeBigInt64BE(BigInt(ms - TIMESTAMP_EPOCH_MS) * 1000n, offset)
    return 8
  })
}

export function textArray(values: readonly (string | undefined)[]): Buffer {
  return stringArray(TypeOid.TEXT, values)
}

/** Documents that are written out already, as json[]. */
export function jsonArray(documents: readonly (string | undefined)[]): Buffer {
  return stringArray(TypeOid.JSON, documents)
}

/** Documents that are written out already, as jsonb[]. */
export function jsonbArray(documents: readonly (string | undefined)[]): Buffer {
  return stringArray(TypeOid.JSONB, documents, JSONB_FORMAT)
}

/** The version of jsonb's text format, which comes before it. */
const JSONB_FORMAT = '\u0001'

function stringArray(type: number, values: readonly (string | undefined)[], prefix = ''): Buffer {
  // No UTF-16 unit is longer than three bytes in UTF-8.
  const bytesMax = values.reduce((most, value) => Math.max(most, 3 * (prefix.length + (value?.length ?? 0))), 0)
  return array(type, bytesMax, values, (buffer, value, offset) =>
    value === undefined ? undefined : buffer.write(prefix + value, offset, 'utf8'),
  )
}

export function byteaArray(values: readonly Uint8Array[]): Buffer {
  const bytesMax = values.reduce((most, { length }) => Math.max(most, length), 0)
  return array(TypeOid.BYTEA, bytesMax, values, (buffer, value, offset) => {
    buffer.set(value, offset)
    return value.length
  })
}
