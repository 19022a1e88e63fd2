import { draining } from './errors.js'
import type { RpcError } from './rpc-error.js'

/** A call that can be ended from outside of its handler. */
export interface Interruptible {
  interrupt(failure: RpcError): void
}

/** The calls under way on a server, so that a drain can end what would not end by itself. */
export class OpenCalls {
  readonly #calls = new Set<Interruptible>()
  readonly #streams = new Set<() => void>()

  add(call: Interruptible): void {
    this.#calls.add(call)
  }

  delete(call: Interruptible): void {
    this.#calls.delete(call)
  }

  /** How many calls are under way. */
  get size(): number {
    return this.#calls.size
  }

  /** Notes a stream that may go on for ever by what asks it to end; answers what takes it off again. */
  addStream(end: () => void): () => void {
    this.#streams.add(end)
    return () => {
      this.#streams.delete(end)
    }
  }

  /** Asks every stream to end. */
  endStreams(): void {
    for (const end of this.#streams) end()
  }

  /** Answers every call that is still under way with UNAVAILABLE, DRAINING. */
  interruptAll(): void {
    for (const call of this.#calls) call.interrupt(draining())
  }
}
