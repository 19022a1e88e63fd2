// Work that a process does over and over beside its requests.
import { type Logger } from './logger.js'

export interface LoopOptions {
  readonly name: string
  /** Does some work; true when there is more at once. */
  readonly work: () => Promise<boolean>
  /** How long to rest when there is no more. Jittered by a quarter, so that replicas do not move in step. */
  readonly restMs: number
  /** How long to rest after failures at most; it doubles from `restMs`. */
  readonly restMsMax: number
  /** 0 up to 1. */
  readonly random: () => number
  readonly log: Logger
}

/** A loop that rests between rounds. A round is never cut off: stopping waits for it. */
export class Loop {
  readonly #options: LoopOptions
  #wake: (() => void) | undefined
  #failures = 0
  #nudged = false
  #stopping = false
  #ended: Promise<void> | undefined

  constructor(options: LoopOptions) {
    this.#options = options
  }

  start(): void {
    this.#ended ??= this.#run()
  }

  /** Ends the rest, or starts another round right after this one. After a failure it changes nothing. */
  nudge(): void {
    this.#nudged = true
    if (this.#failures === 0) this.#wake?.()
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#wake?.()
    await this.#ended
  }

  async #run(): Promise<void> {
    while (!this.#isStopping()) {
      this.#nudged = false
      const more = await this.#round()
      if (!more) await this.#rest()
    }
  }

  async #round(): Promise<boolean> {
    try {
      const more = await this.#options.work()
      this.#failures = 0
      return more || this.#nudged
    } catch (error) {
      this.#options.log.warn({ err: error, loop: this.#options.name }, 'a round failed and will be tried again')
      this.#failures += 1
      return false
    }
  }

  async #rest(): Promise<void> {
    if (this.#isStopping()) return
    const { restMs, restMsMax, random } = this.#options
    const ms = Math.min(restMsMax, restMs * 2 ** Math.min(this.#failures, 16)) * (0.75 + random() / 2)
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = undefined
  }

  // A field that another turn changes while this one waits; a method, so that the compiler does not narrow it.
  #isStopping(): boolean {
    return this.#stopping
  }
}
