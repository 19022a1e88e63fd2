import type pg from 'pg'
import { type Logger } from '../../runtime/logger.js'

// The lock that makes one process the writer, and what becomes of a writer that keeps it without being there.
//
// PostgreSQL frees the lock when the holder's connection ends. A process that is stopped, or whose machine or network
// swallows everything, keeps its connection and so the lock, for ever where nothing acknowledges for it and nothing is
// sent to it. So a writer shows a sign of life: at least once a second its session runs a statement, which moves
// pg_stat_activity.state_change. A standby that finds the same value in look after look ends the holder's session.
//
// No clock takes part. The standby compares the value for equality only and counts looks, so a clock that is set, a
// machine that sleeps with everything on it, and a standby that was slow itself all cost it time and nobody the lock.
// A session that is busy, with a long statement or waiting for another's row, is never taken for silent: only one that
// waits for its client counts. Ending a writer that was there after all loses nothing: what it had under way is of
// unknown outcome to its callers, as after any broken connection, and the epoch keeps it from writing.

// Any number will do that nothing else in this database locks: the first bytes of sha256("paymesh ledger writer").
const WRITER_LOCK = '2749012863307155414'

// How often a standby asks for the lock, and so how long a take-over takes at most after the lock is free. It asks again
// and again because a statement that waits for a lock holds back the cleaning of old row versions in the whole database
// for as long as it waits, and the writer makes thousands of versions a second.
const LOCK_INTERVAL_MS = 100
// A look takes all partitions of the lock table for a moment, so not every attempt looks.
const ATTEMPTS_A_LOOK = 5
const HEARTBEAT_INTERVAL_MS = 1_000
// Ten looks, half a second apart: five seconds. A garbage collection, a slow disk under the log or a stalled event loop
// takes a second or two of them, and callers wait for a dead writer as long as for a restarted one.
const SILENT_LOOKS_MAX = 10

/** How to wait for the lock. */
export interface LockOptions {
  /** Ends the wait. */
  readonly signal: AbortSignal
  readonly log: Logger
}

/** Waits until the session holds the lock. Ends the session of a holder that shows no sign of life for five seconds. */
export async function waitForLock(client: pg.ClientBase, { signal, log }: LockOptions): Promise<void> {
  const watch = new HolderWatch(client)
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [WRITER_LOCK])
    if (rows[0]?.locked === true) return
    if (attempt % ATTEMPTS_A_LOOK === 0 && (await watch.endsSilent())) log.warn('a silent writer was ended')
    await pause(LOCK_INTERVAL_MS, signal)
  }
}

// The role sees the activity of its own sessions only; another role's has no state here and is never silent.
const HOLDER = `
  select a.pid, concat_ws(' ', a.pid, a.backend_start, a.state_change) as sign
  from pg_locks l join pg_stat_activity a on a.pid = l.pid
  where l.locktype = 'advisory' and l.granted and l.objsubid = 1
    and l.database = (select oid from pg_database where datname = current_database())
    and l.classid::int8 = $1::int8 >> 32 and l.objid::int8 = $1::int8 & 4294967295
    and a.state_change is not null and a.wait_event_type = 'Client'`

const FIND_HOLDER = `select sign from (${HOLDER}) as holder`
// Looks again, so that whoever has the process id by then is not ended in its place.
const END_HOLDER = `select pg_terminate_backend(pid) as ended from (${HOLDER}) as holder where sign = $2`

/** Looks at the holder of the lock and counts how often in a row it was the same and silent. */
class HolderWatch {
  readonly #client: pg.ClientBase
  #sign: string | undefined
  #looks = 0

  constructor(client: pg.ClientBase) {
    this.#client = client
  }

  /** Takes a look. True when it was one too many and the holder's session was ended. */
  async endsSilent(): Promise<boolean> {
    const { rows } = await this.#client.query<{ sign: string }>(FIND_HOLDER, [WRITER_LOCK])
    const sign = rows[0]?.sign
    this.#looks = sign !== undefined && sign === this.#sign ? this.#looks + 1 : 0
    this.#sign = sign
    if (this.#looks < SILENT_LOOKS_MAX) return false
    this.#looks = 0
    const ended = await this.#client.query<{ ended: boolean }>(END_HOLDER, [WRITER_LOCK, sign])
    return ended.rows[0]?.ended === true
  }
}

/**
 * Shows that the holder of a session is there, until the session ends. The first statement that fails, also for want of
 * an answer, calls `onFailure`.
 */
export function keepAlive(client: pg.ClientBase, ended: Promise<void>, onFailure: () => void): void {
  let underWay = false
  const timer = setInterval(() => {
    if (underWay) return
    underWay = true
    client.query('select 1').then(
      () => {
        underWay = false
      },
      () => {
        clearInterval(timer)
        onFailure()
      },
    )
  }, HEARTBEAT_INTERVAL_MS)
  void ended.then(() => {
    clearInterval(timer)
  })
}

/** Waits; a signal ends the wait early. */
export function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, durationMs)
    signal.addEventListener('abort', done)
  })
}
