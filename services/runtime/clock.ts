/** Where the time comes from. Domain code asks a clock and never the machine, so that tests decide what time it is. */
export interface Clock {
  /** Milliseconds since the Unix epoch, UTC. Follows the machine's wall clock, steps included. */
  nowMs(): number
  /** Nanoseconds since the Unix epoch, UTC. Never more than 2 ms from `nowMs`; between steps it only moves forward. */
  nowNs(): bigint
}

const nsPerMs = 1_000_000n
// How far the monotonic clock may drift from the wall clock before it is set anew: above timer jitter, below anything
// that a reader of a timestamp could notice.
const driftMsMax = 2

function createSystemClock(): Clock {
  let anchorMs = Date.now()
  let anchorTicks = process.hrtime.bigint()
  return {
    nowMs: () => Date.now(),
    nowNs: () => {
      const ticks = process.hrtime.bigint()
      const elapsed = ticks - anchorTicks
      const wallMs = Date.now()
      if (Math.abs(anchorMs + Number(elapsed / nsPerMs) - wallMs) > driftMsMax) {
        anchorMs = wallMs
        anchorTicks = ticks
        return BigInt(wallMs) * nsPerMs
      }
      return BigInt(anchorMs) * nsPerMs + elapsed
    },
  }
}

/** The machine's clock. */
export const systemClock: Clock = createSystemClock()
