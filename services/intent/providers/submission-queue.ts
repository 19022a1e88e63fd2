// Payments that are to be submitted to a provider, as jobs in a stream of Valkey: whichever process has a place takes the
// next. A job says only which intent. What is true of it stands in PostgreSQL, so that jobs may be lost or come twice.
import { type Redis } from 'ioredis'

export interface Job {
  /** The stream's. */
  readonly id: string
  readonly intentId: string
}

// Older ones are asked about by the poller. Of 36 bytes each: a few megabytes.
const lengthMax = 10_000
const group = 'intent'
// One for all processes: what a dead one left is claimed by how long it lies, and no names of the dead pile up.
const consumer = 'intent'

export class SubmissionQueue {
  readonly #valkey: Redis
  readonly #stream: string
  readonly #onAdded: () => void
  #claimFrom = '0-0'

  constructor(valkey: Redis, provider: string, onAdded: () => void) {
    this.#onAdded = onAdded
    this.#valkey = valkey
    this.#stream = `submissions.${provider}`
  }

  /** Rejects when Valkey did not say that it has it. */
  async add(intentId: string): Promise<void> {
    await this.#valkey.xadd(this.#stream, 'MAXLEN', '~', lengthMax, '*', 'intent', intentId)
    this.#onAdded()
  }

  /** Takes jobs that nobody took yet. */
  async take(countMax: number): Promise<readonly Job[]> {
    const valkey = this.#valkey
    const answer = await this.#inGroup(() =>
      valkey.xreadgroup('GROUP', group, consumer, 'COUNT', countMax, 'STREAMS', this.#stream, '>'),
    )
    return (answer ?? []).flatMap(([, entries]) => jobsOf(entries))
  }

  /** Takes jobs that somebody took so long ago that they can no longer be working on it. */
  async takeOver(idleMs: number, countMax: number): Promise<readonly Job[]> {
    const valkey = this.#valkey
    const from = this.#claimFrom
    const answer = await this.#inGroup(() =>
      valkey.xautoclaim(this.#stream, group, consumer, idleMs, from, 'COUNT', countMax),
    )
    const [next, entries] = answer
    this.#claimFrom = typeof next === 'string' ? next : '0-0'
    return jobsOf(entries)
  }

  /** Forgets a job, whose outcome is stored. */
  async finish({ id }: Job): Promise<void> {
    await this.#valkey.multi().xack(this.#stream, group, id).xdel(this.#stream, id).exec()
  }

  /** The group goes with the stream: by an operator, a restart without its data, or before the first job. */
  async #inGroup<T>(command: () => Promise<T>): Promise<T> {
    try {
      return await command()
    } catch (error) {
      if (!isReply(error, 'NOGROUP')) throw error
    }
    await this.#valkey.xgroup('CREATE', this.#stream, group, '0', 'MKSTREAM').catch((error: unknown) => {
      // Another process was faster.
      if (!isReply(error, 'BUSYGROUP')) throw error
    })
    return await command()
  }
}

/** Whether Valkey refused a command with this code: the first word of what it says. */
function isReply(error: unknown, code: string): boolean {
  return error instanceof Error && error.message.startsWith(`${code} `)
}

/** Entries as Valkey lists them: `[id, [field, value]]`. */
function jobsOf(entries: unknown): Job[] {
  return listOf(entries).flatMap((entry): Job[] => {
    const [id, fields] = listOf(entry)
    const intentId = listOf(fields)[1]
    return typeof id === 'string' ? [{ id, intentId: typeof intentId === 'string' ? intentId : '' }] : []
  })
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
