import { Timestamp } from '../../../gen/google/protobuf/timestamp.js'

/** A time in ms since the epoch, not before it, as the contracts carry it. */
export function timestamp(timeMs: number): Timestamp {
  return Timestamp.fromPartial({ seconds: BigInt(Math.floor(timeMs / 1000)), nanos: (timeMs % 1000) * 1_000_000 })
}
