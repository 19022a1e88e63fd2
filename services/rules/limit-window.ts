import { factsLimits } from './facts.js'
import { offsetSeconds } from './time-zone.js'

// Calendar windows of limits: the days, ISO weeks and months of a time zone. A window begins at the first moment at which
// the zone's clocks show its first day. Where clocks skip midnight that is later than midnight; where they show it twice it is
// the first time; so windows follow each other without gap or overlap, and every moment is in exactly one.

export type WindowKind = 'DAILY' | 'WEEKLY' | 'MONTHLY'

export interface LimitWindow {
  readonly kind: WindowKind
  /** "2026-11-24", "2026-W48" or "2026-11". */
  readonly name: string
  /** Inclusive, in seconds since the epoch. */
  readonly startSeconds: number
  /** Exclusive. */
  readonly endSeconds: number
  readonly timeZone: string
}

/** Days since 1970-01-01 of the proleptic Gregorian calendar. */
type DayNumber = number

const daySeconds = 86_400
// No clock is further from UTC than this, in history or by law.
const offsetSecondsMax = 16 * 3600

// Payments come in the order of time, so the window of the payment before is nearly always the one asked for.
const newest = new Map<string, LimitWindow>()
const newestMax = 1000

/** The window of a kind and zone that a time in seconds since the epoch is in. */
export function windowAt(kind: WindowKind, timeZone: string, seconds: number): LimitWindow {
  const key = `${kind} ${timeZone}`
  const known = newest.get(key)
  if (known !== undefined && seconds >= known.startSeconds && seconds < known.endSeconds) return known
  const window = findWindow(kind, timeZone, seconds)
  if (newest.size < newestMax || newest.has(key)) newest.set(key, window)
  return window
}

function findWindow(kind: WindowKind, timeZone: string, seconds: number): LimitWindow {
  const localDay = Math.floor((seconds + offsetSeconds(timeZone, seconds)) / daySeconds)
  // Clocks set back over midnight show the day before once more; that hour belongs to the day that had begun.
  const day = seconds >= startOfDay(timeZone, localDay + 1) ? localDay + 1 : localDay
  const first = firstDay(kind, day)
  return {
    kind,
    name: nameOf(kind, first),
    startSeconds: inRange(startOfDay(timeZone, first)),
    endSeconds: inRange(startOfDay(timeZone, nextFirstDay(kind, first))),
    timeZone,
  }
}

/** The first moment at which the zone's clocks show the day or, where they skip it, a later one. */
function startOfDay(timeZone: string, day: DayNumber): number {
  const midnight = day * daySeconds
  const before = offsetSeconds(timeZone, midnight - offsetSecondsMax)
  const after = offsetSeconds(timeZone, midnight + offsetSecondsMax)
  const starts = [midnight - before, midnight - after].sort((left, right) => left - right)
  const start = starts.find((moment) => moment + offsetSeconds(timeZone, moment) === midnight)
  return start ?? firstMomentFrom(timeZone, midnight)
}

/** Where no moment is midnight, clocks are put forward over it: the moment when they are. */
function firstMomentFrom(timeZone: string, midnight: number): number {
  let [low, high] = [midnight - offsetSecondsMax, midnight + offsetSecondsMax]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (middle + offsetSeconds(timeZone, middle) >= midnight) high = middle
    else low = middle
  }
  return high
}

function firstDay(kind: WindowKind, day: DayNumber): DayNumber {
  switch (kind) {
    case 'DAILY':
      return day
    case 'WEEKLY':
      return day - isoWeekday(day)
    case 'MONTHLY':
      return day - dateOf(day).getUTCDate() + 1
  }
}

function nextFirstDay(kind: WindowKind, first: DayNumber): DayNumber {
  switch (kind) {
    case 'DAILY':
      return first + 1
    case 'WEEKLY':
      return first + 7
    case 'MONTHLY':
      // The longest month has 31 days, the shortest 28: 31 days on is always the month after.
      return firstDay('MONTHLY', first + 31)
  }
}

function nameOf(kind: WindowKind, first: DayNumber): string {
  const date = dateOf(first).toISOString().slice(0, 10)
  switch (kind) {
    case 'DAILY':
      return date
    case 'WEEKLY':
      return isoWeekName(first)
    case 'MONTHLY':
      return date.slice(0, 7)
  }
}

/** A week is of the year that its Thursday is in (ISO 8601). */
function isoWeekName(monday: DayNumber): string {
  const thursday = dateOf(monday + 3)
  const newYear = new Date(thursday)
  newYear.setUTCMonth(0, 1)
  const dayOfYear = Math.round((thursday.getTime() - newYear.getTime()) / 1000 / daySeconds)
  const week = Math.floor(dayOfYear / 7) + 1
  return `${thursday.toISOString().slice(0, 4)}-W${String(week).padStart(2, '0')}`
}

/** Monday is 0. 1970-01-01 was a Thursday. */
function isoWeekday(day: DayNumber): number {
  return (((day + 3) % 7) + 7) % 7
}

function dateOf(day: DayNumber): Date {
  return new Date(day * daySeconds * 1000)
}

/** The first and last window of what a Timestamp can say are cut off there. */
function inRange(seconds: number): number {
  const { timeSecondsMin, timeSecondsMax } = factsLimits
  return Math.min(Math.max(seconds, Number(timeSecondsMin)), Number(timeSecondsMax))
}
