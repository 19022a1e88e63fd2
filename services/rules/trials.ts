import { Worker } from 'node:worker_threads'
import type { TrialJob, TrialResult } from './trial-job.js'

// Operators' documents and expressions are tried in a thread of their own: whatever they hold, payments are decided
// meanwhile. An expression that takes over 50 ms ends the thread and with it the trial; the next one gets a new thread.
//
// States of a thread: starting → idle ⇄ busy → gone. One trial at a time; others wait in order.

/** What the thread says. */
export type TrialMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'step' }
  | { readonly kind: 'done'; readonly result: TrialResult }
  /** The job threw: a bug, not the operator's doing. */
  | { readonly kind: 'failed'; readonly error: unknown }

export type TrialOutcome =
  | { readonly kind: 'done'; readonly result: TrialResult }
  /** The trial was ended; `why` continues a sentence that begins with what was tried. */
  | { readonly kind: 'ended'; readonly why: string }
  /** Too many are waiting; nothing was tried. */
  | { readonly kind: 'busy' }

export interface TrialsOptions {
  /** How long one expression that nobody has bounded yet may take. */
  readonly stepMsMax: number
  /** How many trials may wait. */
  readonly waitingMax: number
}

/** The limits in service: an expression in use takes microseconds; an operator waits for no more than a few others. */
export const trialLimits: TrialsOptions = { stepMsMax: 50, waitingMax: 32 }

interface Waiting {
  readonly job: TrialJob
  readonly attempt: number
  readonly resolve: (outcome: TrialOutcome) => void
  readonly reject: (error: unknown) => void
}

/** What a trial may hold of the heap; a thread over it is ended as one that takes too long. */
const heapMiBMax = 128
/** How long reading a whole document, or planning and deciding by one that was checked, may take: long, but bounded. */
const documentMsMax = 2000
/** A thread that the machine was too busy for looks like one that takes too long: it is told from it by a second one. */
const attemptsMax = 2

/** Runs trials, one at a time. */
export class Trials {
  readonly #options: TrialsOptions
  readonly #waiting: Waiting[] = []
  #worker: Worker | undefined
  #isReady = false
  #current: Waiting | undefined
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(options: TrialsOptions) {
    this.#options = options
  }

  /** Never rejects for what the job holds. */
  run(job: TrialJob): Promise<TrialOutcome> {
    if (this.#isStopped || this.#waiting.length >= this.#options.waitingMax) return Promise.resolve({ kind: 'busy' })
    return new Promise((resolve, reject) => {
      this.#waiting.push({ job, attempt: 1, resolve, reject })
      this.#next()
    })
  }

  /** Ends the trial under way and those that wait. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const { resolve } of [...this.#waiting.splice(0), ...this.#takeCurrent()]) resolve({ kind: 'busy' })
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
  }

  #next(): void {
    if (this.#current !== undefined || this.#waiting.length === 0 || this.#isStopped) return
    if (this.#worker === undefined) this.#start()
    if (this.#worker === undefined || !this.#isReady) return
    this.#current = this.#waiting.shift()
    this.#watch(this.#current?.job.kind === 'try' ? this.#options.stepMsMax : documentMsMax)
    this.#worker.postMessage(this.#current?.job)
  }

  #start(): void {
    const resourceLimits = { maxOldGenerationSizeMb: heapMiBMax, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 }
    const worker = new Worker(new URL('./trial-worker.js', import.meta.url), { resourceLimits })
    // An idle thread keeps no process alive.
    worker.unref()
    worker.on('message', (message: TrialMessage) => {
      if (worker === this.#worker) this.#hear(message)
    })
    worker.on('error', (error) => {
      if (worker === this.#worker) this.#lose(error)
    })
    worker.on('exit', () => {
      if (worker === this.#worker) this.#lose(new Error('the trial thread left'))
    })
    this.#worker = worker
    this.#isReady = false
  }

  #hear(message: TrialMessage): void {
    switch (message.kind) {
      case 'ready':
        this.#isReady = true
        break
      case 'step':
        this.#watch(this.#current?.job.kind === 'decide' ? documentMsMax : this.#options.stepMsMax)
        return
      case 'done':
        for (const { resolve } of this.#takeCurrent()) resolve({ kind: 'done', result: message.result })
        break
      case 'failed':
        for (const { reject } of this.#takeCurrent()) reject(message.error)
        break
    }
    this.#next()
  }

  /** Gives the step that begins its time. */
  #watch(stepMsMax: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#end(`takes over ${stepMsMax} ms`)
    }, stepMsMax)
  }

  /** The thread is gone by itself: out of memory while it tried something, or it could not start. */
  #lose(error: unknown): void {
    if (this.#current !== undefined) {
      this.#end(`takes over ${heapMiBMax} MiB`)
      return
    }
    this.#worker = undefined
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }

  #end(why: string): void {
    const worker = this.#worker
    this.#worker = undefined
    void worker?.terminate()
    for (const trial of this.#takeCurrent()) {
      if (trial.attempt < attemptsMax) this.#waiting.unshift({ ...trial, attempt: trial.attempt + 1 })
      else trial.resolve({ kind: 'ended', why })
    }
    this.#next()
  }

  #takeCurrent(): readonly Waiting[] {
    clearTimeout(this.#timer)
    const current = this.#current
    this.#current = undefined
    return current === undefined ? [] : [current]
  }
}
