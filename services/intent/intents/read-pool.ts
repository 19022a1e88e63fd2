// Where lists and sums are read: from a replica where there is one, so that long histories cost payments nothing.
//
// A replica is behind by what it has not replayed yet, as a rule milliseconds. Only what tells of the past is read there;
// whatever decides about money, and what is asked for by name, is read from the primary.
import { type Pool } from 'pg'
import { isDatabaseAway, sqlState } from '../../runtime/postgres.js'

export interface ReadPoolDeps {
  readonly primary: Pool
  /** Undefined: everything is read from the primary. */
  readonly replica: Pool | undefined
  /** Milliseconds that only move forward. */
  readonly elapsedMs: () => number
  /** Told when the replica is left alone for a while. */
  readonly onAway: (cause: unknown) => void
}

/** Runs a read against the replica; again against the primary when the replica cannot answer. */
export type ReadPool = <T>(read: (pool: Pool) => Promise<T>) => Promise<T>

// A host that does not answer costs each read the 5 s until its connection is given up. Nobody else pays that for so long.
const restMs = 10_000
// The replica cancels a statement that stands in the way of what it replays.
const conflictWithRecovery = '40001'

export function createReadPool({ primary, replica, elapsedMs, onAway }: ReadPoolDeps): ReadPool {
  if (replica === undefined) return (read) => read(primary)
  let awayUntilMs = -Infinity
  return async (read) => {
    if (elapsedMs() < awayUntilMs) return await read(primary)
    try {
      return await read(replica)
    } catch (error) {
      if (sqlState(error) === conflictWithRecovery) return await read(primary)
      if (!isDatabaseAway(error)) throw error
      awayUntilMs = elapsedMs() + restMs
      onAway(error)
      return await read(primary)
    }
  }
}
