// A loop whose work waits for others outside: what is due runs beside each other up to a bound, and nobody waits for the slowest.
import { Loop, type LoopOptions } from '../../runtime/loop.js'

export interface ParallelLoopOptions<T> extends Omit<LoopOptions, 'work'> {
  /** How many are under way at most. */
  readonly countMax: number
  /** Takes what is due, at most so many. */
  readonly take: (countMax: number) => Promise<readonly T[]>
  /** Does one. Never rejects. */
  readonly carryOut: (due: T) => Promise<void>
}

export class ParallelLoop<T> {
  readonly #options: ParallelLoopOptions<T>
  readonly #loop: Loop
  readonly #underWay = new Set<Promise<void>>()

  constructor(options: ParallelLoopOptions<T>) {
    this.#options = options
    this.#loop = new Loop({ ...options, work: () => this.#startDue() })
  }

  start(): void {
    this.#loop.start()
  }

  /** Looks for what is due at once. */
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
    const { countMax, take } = this.#options
    const free = countMax - this.#underWay.size
    if (free === 0) return false
    const due = await take(free)
    for (const each of due) this.#start(each)
    return due.length > 0
  }

  #start(due: T): void {
    const { countMax, carryOut } = this.#options
    const running = carryOut(due).finally(() => {
      this.#underWay.delete(running)
      if (this.#underWay.size === countMax - 1) this.nudge()
    })
    this.#underWay.add(running)
  }
}
