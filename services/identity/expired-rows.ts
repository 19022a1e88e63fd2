import type { Clock } from '../runtime/clock.js'
import type { Logger } from '../runtime/logger.js'

/** Expired rows cost only room, so there is no hurry. */
const intervalMs = 60 * 60_000
/** A statement stays short, and its locks with it; an hour's worth of expiry is worked off in as many as it takes. */
const batchMax = 1000

/** A table, or some, whose rows come to an end. */
export interface Expiring {
  /** Deletes at most `countMax` of each table; answers how many. No answer of any RPC depends on whether it ran. */
  deleteExpired(nowMs: number, countMax: number): Promise<number>
}

export interface ExpiredRowsDeps {
  stores: readonly Expiring[]
  clock: Clock
  log: Logger
}

/** Deletes every hour what has expired. Any number of replicas may do so at once. */
export class ExpiredRows {
  readonly #deps: ExpiredRowsDeps
  readonly #timer: NodeJS.Timeout
  #sweep: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(deps: ExpiredRowsDeps) {
    this.#deps = deps
    this.#timer = setInterval(() => {
      this.#sweep = this.#sweep.then(() => this.sweep())
    }, intervalMs)
    this.#timer.unref()
  }

  /** Deletes everything that has expired by now, batch by batch. Never rejects; the next hour tries again. */
  async sweep(): Promise<void> {
    const { stores, log } = this.#deps
    for (const store of stores) {
      try {
        await this.#empty(store)
      } catch (error) {
        log.warn({ err: error }, 'could not delete what has expired')
      }
    }
  }

  async #empty(store: Expiring): Promise<void> {
    let deleted = batchMax
    while (deleted >= batchMax && !this.#stopped) {
      deleted = await store.deleteExpired(this.#deps.clock.nowMs(), batchMax)
    }
  }

  /** Resolves when the batch under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await this.#sweep
  }
}
