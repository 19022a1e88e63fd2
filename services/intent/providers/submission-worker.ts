// Carries out the jobs of a provider's queue. Every process that is configured for the provider runs one.
//
// Submissions run beside each other, and nobody waits for the slowest. A job is finished after what came of it is stored;
// one whose process died is taken over by another, which asks the provider before it submits again.
import { type Logger } from '../../runtime/logger.js'
import { type Advance } from '../saga/advance.js'
import { ParallelLoop } from '../saga/parallel-loop.js'
import { type IntentStore } from '../intents/intent-store.js'
import { isUuid } from '../../runtime/ids.js'
import { type Provider } from './provider.js'
import { type Job, type SubmissionQueue } from './submission-queue.js'

export interface SubmissionWorkerDeps {
  readonly queue: SubmissionQueue
  readonly provider: Pick<Provider, 'isBusy'>
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
  readonly #loop: ParallelLoop<Job>

  constructor(deps: SubmissionWorkerDeps) {
    const { random, log } = deps
    this.#deps = deps
    this.#loop = new ParallelLoop({
      name: 'submissions',
      countMax: jobsMax,
      take: (countMax) => this.#take(countMax),
      carryOut: (job) => this.#carryOut(job),
      restMs,
      restMsMax,
      random,
      log,
    })
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
  }

  async #take(countMax: number): Promise<readonly Job[]> {
    const { queue, provider, idleMsMax } = this.#deps
    // Other processes may have a place.
    if (provider.isBusy()) return []
    const left = await queue.takeOver(idleMsMax, countMax)
    const fresh = left.length < countMax ? await queue.take(countMax - left.length) : []
    return [...left, ...fresh]
  }

  async #carryOut(job: Job): Promise<void> {
    const { queue, provider, store, advance, log } = this.#deps
    try {
      const intent = isUuid(job.intentId) ? await store.byId(job.intentId) : undefined
      // Taken by others meanwhile. The job is left to whoever takes it over: nobody has submitted it.
      if (provider.isBusy()) return
      if (intent !== undefined) await advance(intent, 'SUBMIT')
      await queue.finish(job)
    } catch (error) {
      log.warn({ err: error, intent: job.intentId }, 'a submission failed and will be taken over')
    }
  }
}
