/** The queue is full: nothing was started for the item, and it may be tried again later. */
export class OverloadedError extends Error {
  override readonly name = 'OverloadedError'
}

/** How a Coalescer groups and bounds. */
export interface CoalescerOptions<T, R> {
  /** Handles a group and answers one result an item, in order. When it rejects, every item of the group rejects. */
  flush: (items: T[]) => Promise<R[]>
  /** The largest group; at least 1. */
  itemsMax: number
  /** How many items may wait, beside those in flight; one more rejects with OverloadedError. */
  queueMax: number
  /** How many groups may be in flight at once; at least 1. */
  inFlightMax: number
}

interface Waiting<T, R> {
  item: T
  resolve: (result: R) => void
  reject: (error: unknown) => void
}

/**
 * Sends together what is asked in the same turn of the event loop, and while earlier groups are in flight. A lone item
 * waits for the end of its turn and no longer: there are no timers, so light load pays no delay and heavy load makes
 * larger groups by itself.
 */
export class Coalescer<T, R> {
  readonly #options: CoalescerOptions<T, R>
  // Taken from the front in slices; `#taken` marks the front so that taking costs the group and not the queue.
  #queue: Waiting<T, R>[] = []
  #taken = 0
  #inFlight = 0
  #scheduled = false

  constructor(options: CoalescerOptions<T, R>) {
    this.#options = options
  }

  /** How many items wait for a group. */
  get queued(): number {
    return this.#queue.length - this.#taken
  }

  /** Resolves with the item's result, rejects with what its group failed with, or with OverloadedError at once. */
  add(item: T): Promise<R> {
    if (this.queued >= this.#options.queueMax) return Promise.reject(new OverloadedError('The queue is full.'))
    return new Promise((resolve, reject) => {
      this.#queue.push({ item, resolve, reject })
      this.#schedule()
    })
  }

  // setImmediate and not a microtask: answers that arrive in one read of a socket are handled in one phase of the event
  // loop, each with its own microtasks; the check phase comes after all of them and so sees what all of them asked.
  #schedule(): void {
    if (this.#scheduled || this.#inFlight >= this.#options.inFlightMax) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#start()
    })
  }

  #start(): void {
    while (this.queued > 0 && this.#inFlight < this.#options.inFlightMax) {
      this.#inFlight += 1
      void this.#run(this.#take())
    }
  }

  #take(): Waiting<T, R>[] {
    const group = this.#queue.slice(this.#taken, this.#taken + this.#options.itemsMax)
    this.#taken += group.length
    if (this.#taken === this.#queue.length) {
      this.#queue = []
      this.#taken = 0
    } else if (this.#taken > this.#options.queueMax) {
      this.#queue = this.#queue.slice(this.#taken)
      this.#taken = 0
    }
    return group
  }

  async #run(group: Waiting<T, R>[]): Promise<void> {
    try {
      const results = await this.#options.flush(group.map(({ item }) => item))
      if (results.length !== group.length) {
        throw new Error(`A group of ${group.length} items was answered with ${results.length} results.`)
      }
      for (const [index, result] of results.entries()) group[index]?.resolve(result)
    } catch (error) {
      for (const { reject } of group) reject(error)
    } finally {
      this.#inFlight -= 1
      if (this.queued > 0) this.#schedule()
    }
  }
}
