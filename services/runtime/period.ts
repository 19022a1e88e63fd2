import type { Timestamp } from '../../gen/google/protobuf/timestamp.js'
import type { FieldCheck } from './field-check.js'

/** The last moment that the engine can say: the year 2262. */
const TIMESTAMP_MAX = 2n ** 63n - 1n
const NS_PER_SECOND = 1_000_000_000n

/** A time in nanoseconds since 1970, noted in `check` when it is none. Never zero: the engine takes that for no time. */
export function timeNs(check: FieldCheck, field: string, { seconds, nanos }: Timestamp): bigint {
  const ns = seconds * NS_PER_SECOND + BigInt(nanos)
  const isTime = nanos >= 0 && nanos < Number(NS_PER_SECOND) && ns > 0n && ns <= TIMESTAMP_MAX
  check.that(isTime, field, 'must be a time between 1970 and 2262')
  return isTime ? ns : 1n
}

/** A period in nanoseconds since 1970, both ends inclusive; `end` itself does not belong to it. */
export function periodNs(
  check: FieldCheck,
  { startTime, endTime }: { readonly startTime: Timestamp | undefined; readonly endTime: Timestamp | undefined },
): { min: bigint; max: bigint } {
  const min = startTime === undefined ? 1n : timeNs(check, 'start_time', startTime)
  const max = endTime === undefined ? TIMESTAMP_MAX : timeNs(check, 'end_time', endTime) - 1n
  const isPeriod = startTime === undefined || endTime === undefined || min <= max
  check.that(isPeriod, 'end_time', 'must be after start_time')
  return { min, max }
}
