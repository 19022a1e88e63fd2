// Ids as PostgreSQL reads and writes them in text.

/** A u128 as a uuid. */
export function uuidText(value: bigint): string {
  return value.toString(16).padStart(32, '0')
}

/** The u128 of a uuid; zero for null. */
export function uuidValue(text: string | null): bigint {
  return text === null ? 0n : BigInt(`0x${text.replaceAll('-', '')}`)
}
