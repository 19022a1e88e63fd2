import type { Timestamp } from '../../gen/google/protobuf/timestamp.js'

// The texts that statements are made of, whichever service writes them.

/** A line of CSV as RFC 4180 has it, with its line end. */
export function csvRecord(fields: readonly string[]): string {
  return `${fields.map(csvField).join(',')}\r\n`
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Minor units as an exact decimal number of the main unit: "150.25". Empty for an amount that is left out. */
export function decimalText(units: bigint | undefined, scale: number): string {
  if (units === undefined) return ''
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0')
  const whole = digits.slice(0, digits.length - scale)
  const sign = units < 0n ? '-' : ''
  return scale === 0 ? `${sign}${whole}` : `${sign}${whole}.${digits.slice(-scale)}`
}

/** RFC 3339 to the nanosecond: two entries of one microsecond must not look as if they were one. */
export function nanosecondText(time: Timestamp | undefined): string {
  const { seconds = 0n, nanos = 0 } = time ?? {}
  const second = new Date(Number(seconds) * 1000).toISOString().slice(0, 19)
  return `${second}.${String(nanos).padStart(9, '0')}Z`
}
