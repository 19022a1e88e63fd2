import { PacketInvalidError } from './oer.js'

// Interledger time (RFC 27): seventeen ASCII digits, YYYYMMDDHHmmSSfff, in UTC. Fixed width, so a connector can patch it in
// place; sorted as text it is sorted in time.

export const timestampLength = 17

const timestampPattern = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{3})$/

/** Milliseconds since 1970. Throws PacketInvalidError for what is no moment, such as the 30th of February or a second 60. */
export function parseTimestamp(text: string): number {
  const timeMs = Date.parse(text.replace(timestampPattern, '$1-$2-$3T$4:$5:$6.$7Z'))
  // Date.parse forgives some impossible days and 24:00; written back they come out as another moment.
  if (!timestampPattern.test(text) || Number.isNaN(timeMs) || formatTimestamp(timeMs) !== text) {
    throw new PacketInvalidError('expiresAt is not a time of the form YYYYMMDDHHmmSSfff')
  }
  return timeMs
}

/** The years 0 to 9999 have a form; throws PacketInvalidError for the others. */
export function formatTimestamp(timeMs: number): string {
  const text = Number.isInteger(timeMs) && Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : ''
  if (text.length !== 24) throw new PacketInvalidError(`${timeMs} ms is outside the years 0 to 9999`)
  return text.replace(/[-T:.Z]/g, '')
}
