import type { Clock } from '../../runtime/clock.js'
import type { Logger } from '../../runtime/logger.js'
import type { SessionStore } from './session-store.js'

/** Expired rows cost only room, so there is no hurry. */
const intervalMs = 60 * 60_000
/** A statement stays short, and its locks with it; an hour's worth of expiry is worked off in as many as it takes. */
const batchMax = 1000

export interface ExpiredSessionsDeps {
  store: Pick<SessionStore, 'deleteExpired'>
  clock: Clock
  log: Logger
}

/** Deletes expired sessions and refresh tokens every hour. Any number of replicas may do so at once. */
export class ExpiredSessions {
  readonly #deps: ExpiredSessionsDeps
  readonly #timer: NodeJS.Timeout
  #sweep: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(deps: ExpiredSessionsDeps) {
    this.#deps = deps
    this.#timer = setInterval(() => {
      this.#sweep = this.#sweep.then(() => this.sweep())
    }, intervalMs)
    this.#timer.unref()
  }

  /** Deletes everything that has expired by now, batch by batch. Never rejects; the next hour tries again. */
  async sweep(): Promise<void> {
    const { store, clock, log } = this.#deps
    try {
      let deleted = batchMax
      while (deleted >= batchMax && !this.#stopped) deleted = await store.deleteExpired(clock.nowMs(), batchMax)
    } catch (error) {
      log.warn({ err: error }, 'could not delete expired sessions')
    }
  }

  /** Resolves when the batch under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await this.#sweep
  }
}
