// Values as PostgreSQL reads and writes them in text. Arrays of them need no quotes and no escapes, so their literals
// are plain joins: the driver's own array encoder costs more than deciding the batch.

/** A u128 as a uuid. */
export function uuidText(value: bigint): string {
  return value.toString(16).padStart(32, '0')
}

/** A u128 as a uuid, with null for zero. */
export function uuidOrNullText(value: bigint): string {
  return value === 0n ? 'NULL' : uuidText(value)
}

export function arrayText(values: readonly string[]): string {
  return `{${values.join(',')}}`
}

export function uuidArrayText(values: Iterable<bigint>): string {
  return arrayText(Array.from(values, uuidText))
}

export function integerArrayText(values: Iterable<bigint>): string {
  return arrayText(Array.from(values, String))
}

/** The u128 of a uuid; zero for null. */
export function uuidValue(text: string | null): bigint {
  return text === null ? 0n : BigInt(`0x${text.replaceAll('-', '')}`)
}
