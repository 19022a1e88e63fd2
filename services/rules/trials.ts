import { Worker } from 'node:worker_threads'
import type { TrialJob, TrialResult } from './trial-job.js'

// Operators' documents and expressions are tried in a thread of their own: whatever they hold, payments are decided
// meanwhile. An expression that takes over 50 ms of processor time ends the thread and with it the trial; the next one gets a new thread.
//
// States of a thread: starting → idle ⇄ busy → gone. One trial at a time; others wait in order.

/** What the thread says. */
export type TrialMessage =
  | { readonly kind: 'ready' }
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
  /** How long one expression that nobody has bounded yet may take, of processor time. */
  readonly stepMsMax: number
  /** How long reading a whole document, or planning and deciding by one that was checked, may take. */
  readonly documentMsMax: number
  /** How many trials may wait. */
  readonly waitingMax: number
}

/** The limits in service: an expression in use takes microseconds; an operator waits for no more than a few others. */
export const trialLimits: TrialsOptions = { stepMsMax: 50, documentMsMax: 2000, waitingMax: 32 }

interface Waiting {
  readonly job: TrialJob
  readonly resolve: (outcome: TrialOutcome) => void
  readonly reject: (error: unknown) => void
}

/** What a trial may hold of the heap; a thread over it is ended as one that takes too long. */
const heapMiBMax = 64
/** How long a thread may go without the processor that it waits for. */
const starvedMsMax = 1000

/** Runs trials, one at a time. */
export class Trials {
  readonly #options: TrialsOptions
  readonly #waiting: Waiting[] = []
  #worker: Worker | undefined
  #isReady = false
  #steps: Int32Array = new Int32Array(1)
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
      this.#waiting.push({ job, resolve, reject })
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
    this.#watch(this.#current?.job.kind === 'try' ? this.#options.stepMsMax : this.#options.documentMsMax)
    this.#worker.postMessage(this.#current?.job)
  }

  #start(): void {
    const resourceLimits = { maxOldGenerationSizeMb: heapMiBMax, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 }
    this.#steps = new Int32Array(new SharedArrayBuffer(4))
    const options = { resourceLimits, workerData: this.#steps }
    const worker = new Worker(new URL('./trial-worker.js', import.meta.url), options)
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
      case 'done':
        for (const { resolve } of this.#takeCurrent()) resolve({ kind: 'done', result: message.result })
        break
      case 'failed':
        for (const { reject } of this.#takeCurrent()) reject(message.error)
        break
    }
    this.#next()
  }

  /**
   * Gives the step under way its time. The thread counts its steps where this one can see it, since messages would wait
   * behind whatever else this thread does.
   */
  #watch(stepMsMax: number): void {
    const step = Atomics.load(this.#steps, 0)
    const spent = spentMsFrom()
    this.#timer = setInterval(() => {
      if (Atomics.load(this.#steps, 0) !== step) {
        clearInterval(this.#timer)
        this.#watch(this.#current?.job.kind === 'decide' ? stepMsMax : this.#options.stepMsMax)
      } else if (spent() >= stepMsMax) this.#end(`takes over ${stepMsMax} ms`)
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
    for (const { resolve } of this.#takeCurrent()) resolve({ kind: 'ended', why })
    this.#next()
  }

  #takeCurrent(): readonly Waiting[] {
    clearInterval(this.#timer)
    const current = this.#current
    this.#current = undefined
    return current === undefined ? [] : [current]
  }
}

/**
 * What the trial thread spends from now on, in ms: the processor time of the process without that of this thread, so that a
 * machine that is busy with other things ends no harmless trial. After so long in vain, all the time that passed.
 */
function spentMsFrom(): () => number {
  const [startMs, cpu, loop] = [performance.now(), process.cpuUsage(), performance.eventLoopUtilization()]
  return () => {
    const { user, system } = process.cpuUsage(cpu)
    const passedMs = performance.now() - startMs
    const threadMs = (user + system) / 1000 - performance.eventLoopUtilization(loop).active
    return passedMs > starvedMsMax ? passedMs : threadMs
  }
}
