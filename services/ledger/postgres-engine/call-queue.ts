import { UndecidedError } from '../engine.js'
import { type Call, type Outcome } from './writer-session.js'

/** A call in the queue, and where its answer goes. */
export interface QueuedCall {
  readonly call: Call
  readonly signal: AbortSignal | undefined
  resolve(outcome: Outcome): void
  reject(error: unknown): void
}

/** First come, first decided; bounded by the number of events. */
export class CallQueue {
  readonly #eventsMax: number
  #calls: QueuedCall[] = []
  // Calls before this one were taken; cut off now and then, so that taking costs the batch and not the queue.
  #taken = 0
  #events = 0

  constructor(eventsMax: number) {
    this.#eventsMax = eventsMax
  }

  /** How many events wait. */
  get events(): number {
    return this.#events
  }

  get isEmpty(): boolean {
    return this.#taken === this.#calls.length
  }

  /** Takes a call in, or rejects it as overloaded. An empty call counts as one event: it takes room too. */
  add(queued: QueuedCall): void {
    const count = weight(queued)
    if (this.#events + count > this.#eventsMax) {
      queued.reject(new UndecidedError('overloaded'))
      return
    }
    this.#events += count
    this.#calls.push(queued)
  }

  /** The next calls, whole, of at most `eventsMax` events together; a single call may be larger. */
  take(eventsMax: number): QueuedCall[] {
    const batch: QueuedCall[] = []
    let events = 0
    for (let next = this.#calls[this.#taken]; next !== undefined; next = this.#calls[this.#taken]) {
      const count = weight(next)
      if (batch.length > 0 && events + count > eventsMax) break
      this.#taken += 1
      this.#events -= count
      if (next.signal?.aborted === true) {
        next.reject(new UndecidedError('abandoned'))
        continue
      }
      events += count
      batch.push(next)
    }
    if (this.#taken > 1024 || this.isEmpty) {
      this.#calls = this.#calls.slice(this.#taken)
      this.#taken = 0
    }
    return batch
  }

  /** Rejects everything that waits. */
  clear(error: () => unknown): void {
    const waiting = this.#calls.slice(this.#taken)
    this.#calls = []
    this.#taken = 0
    this.#events = 0
    for (const queued of waiting) queued.reject(error())
  }
}

function weight({ call }: QueuedCall): number {
  return Math.max(1, call.events.length)
}
