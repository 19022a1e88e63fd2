// Carries out the jobs of a provider's queue. Every process that is configured for the provider runs one.
//
// Submissions run beside each other, and nobody waits for the slowest. A job is finished after what came of it is stored;
// one whose process died is taken over by another, which asks the provider before it submits again.
import { type Logger } from '../../runtime/logger.js'
import { type Advance } from '../saga/advance.js'
import { type IntentStore } from '../intents/intent-store.js'
import { isUuid } from '../../runtime/ids.js'
import { Loop } from '../../runtime/loop.js'
import { type Job, type SubmissionQueue } from './submission-queue.js'

export interface SubmissionWorkerDeps {
  readonly queue: SubmissionQueue
  readonly store: Pick<IntentStore, 'byId'>
  readonly advance: Advance
  /** After how long a job's process is taken for dead: longer than a poll and a submission take. */
  readonly idleMsMax: number
  readonly random: () => number
  readonly log: Logger
}

// Fewer than a provider may have under way of this process, so that requests and the poller find a place as well.
const jobsMax = 64
// How late a process sees a job that another has added; its own it sees at once.
const restMs = 200
const restMsMax = 5_000

export class SubmissionWorker {
  readonly #deps: SubmissionWorkerDeps
  readonly #loop: Loop
  readonly #underWay = new Set<Promise<void>>()

  constructor(deps: SubmissionWorkerDeps) {
    const { random, log } = deps
    this.#deps = deps
    this.#loop = new Loop({ name: 'submissions', work: () => this.#startDue(), restMs, restMsMax, random, log })
  }

  start(): void {
    this.#loop.start()
  }

  /** Looks for jobs at once. */
  nudge(): void {
    this.#loop.nudge()
  }

  /** Starts no more, and waits for what is under way. */
  async stop(): Promise<void> {
    await this.#loop.stop()
    await Promise.all(this.#underWay)
  }

  /** True when there may be more at once. */
  async #startDue(): Promise<boolean> {
    const free = jobsMax - this.#underWay.size
    if (free === 0) return false
    const { queue, idleMsMax } = this.#deps
    const left = await queue.takeOver(idleMsMax, free)
    const fresh = left.length < free ? await queue.take(free - left.length) : []
    for (const job of [...left, ...fresh]) this.#start(job)
    return left.length + fresh.length > 0
  }

  #start(job: Job): void {
    const running = this.#carryOut(job)
      .catch((error: unknown) => {
        this.#deps.log.warn({ err: error, intent: job.intentId }, 'a submission failed and will be taken over')
      })
      .finally(() => {
        this.#underWay.delete(running)
        if (this.#underWay.size === jobsMax - 1) this.nudge()
      })
    this.#underWay.add(running)
  }

  async #carryOut(job: Job): Promise<void> {
    const { queue, store, advance } = this.#deps
    const intent = isUuid(job.intentId) ? await store.byId(job.intentId) : undefined
    if (intent !== undefined) await advance(intent, 'SUBMIT')
    await queue.finish(job)
  }
}
