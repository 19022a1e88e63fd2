// A sample of what was decided, for dry runs: "what would the new rules have made of yesterday's payments?"
import type { Pool } from 'pg'
import type { Logger } from '../runtime/logger.js'

/** How many are kept. They name people, as payments do: no more of them than a dry run can use. */
export const recordedMax = 10_000
/** Each replica keeps at most so many of a second's payments. */
const perSecondMax = 10
const flushIntervalMs = 1000

/** Writes some and removes the oldest over the bound. */
export async function writeRecordedFacts(pool: Pool, facts: readonly Uint8Array[]): Promise<void> {
  await pool.query('insert into recorded_facts (facts) select unnest($1::bytea[])', [facts])
  await pool.query('delete from recorded_facts where id <= (select max(id) from recorded_facts) - $1', [recordedMax])
}

/** The newest first. */
export async function readRecordedFacts(pool: Pool, countMax: number): Promise<readonly Uint8Array[]> {
  const query = 'select facts from recorded_facts order by id desc limit $1'
  const { rows } = await pool.query<{ facts: Buffer }>(query, [countMax])
  return rows.map(({ facts }) => facts)
}

export interface RecorderOptions {
  write(facts: readonly Uint8Array[]): Promise<void>
  readonly log: Logger
}

/** Collects facts beside the decisions, which never wait for it. What cannot be written is dropped. */
export class FactsRecorder {
  readonly #options: RecorderOptions
  readonly #timer: NodeJS.Timeout
  #waiting: Uint8Array[] = []
  #flushing: Promise<void> = Promise.resolve()

  constructor(options: RecorderOptions) {
    this.#options = options
    this.#timer = setInterval(() => {
      this.#flushing = this.flush()
    }, flushIntervalMs)
    this.#timer.unref()
  }

  /** Encodes only what is kept. */
  offer(encode: () => Uint8Array): void {
    if (this.#waiting.length < perSecondMax) this.#waiting.push(encode())
  }

  async flush(): Promise<void> {
    const batch = this.#waiting
    if (batch.length === 0) return
    this.#waiting = []
    try {
      await this.#options.write(batch)
    } catch (error) {
      this.#options.log.warn({ err: error, count: batch.length }, 'facts could not be recorded')
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#flushing
    await this.flush()
  }
}
