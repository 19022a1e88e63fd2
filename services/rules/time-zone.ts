// Offsets of IANA time zones, from the time zone database of the JavaScript engine. Two nodes with different databases
// may disagree about a day that one of them does not know of; their digests then differ, which is how it is noticed.

const formats = new Map<string, Intl.DateTimeFormat>()

/** Whether the engine knows the zone. Offsets such as "+07:00" are none: they know no summer time and mean no place. */
export function isTimeZone(name: string): boolean {
  return formats.has(name) || (/^[A-Za-z]/.test(name) && formatOf(name) !== undefined)
}

/** Seconds that the zone's clocks are ahead of UTC at a time given in seconds since the epoch. */
export function offsetSeconds(zone: string, seconds: number): number {
  const parts = formatOf(zone)?.formatToParts(seconds * 1000) ?? []
  const text = parts.find(({ type }) => type === 'timeZoneName')?.value ?? ''
  const match = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text)
  if (match === null) throw new RangeError(`The time zone ${zone} has no offset.`)
  const [, sign, hours = '0', minutes = '0', rest = '0'] = match
  const size = Number(hours) * 3600 + Number(minutes) * 60 + Number(rest)
  return sign === '-' ? -size : size
}

// Names come from published rule sets and from Decide, which bounds their length; making a format costs half a millisecond.
const formatsMax = 1000

function formatOf(zone: string): Intl.DateTimeFormat | undefined {
  const known = formats.get(zone)
  if (known !== undefined) return known
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
    if (formats.size < formatsMax) formats.set(zone, format)
    return format
  } catch {
    return undefined
  }
}
