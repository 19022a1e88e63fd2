import type { Readable } from 'node:stream'

/**
 * The messages of a gRPC stream, in order, read no faster than they are taken: beyond what the stream buffers,
 * flow control stops the sender. Node's own iterator will not do: leaving it early destroys both directions.
 */
export class MessageReader<T> implements AsyncIterable<T> {
  readonly #stream: Readable
  readonly #failure: () => Error | undefined
  #stopped = false
  #wake = () => {}

  /** `failure` answers why the stream broke, undefined while it did not; iterating throws it after the last message. */
  constructor(stream: Readable, failure: () => Error | undefined) {
    this.#stream = stream
    this.#failure = failure
    const wake = () => {
      this.#wake()
    }
    for (const event of ['readable', 'end', 'close', 'error']) stream.on(event, wake)
  }

  /** Ends the messages as if the sender had; those not yet taken are left. */
  stop(): void {
    this.#stopped = true
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    while (!this.#stopped) {
      const message = this.#stream.read() as T | null
      if (message !== null) {
        yield message
        continue
      }
      const ended = this.#stream.readableEnded || this.#stream.destroyed
      // A sender that vanished ends its stream too, and only a few ticks later is it known to have vanished.
      await (ended ? new Promise(setImmediate) : this.#change())
      const failure = this.#failure()
      if (failure !== undefined) throw failure
      if (ended) return
    }
  }

  #change(): Promise<void> {
    if (this.#failure() !== undefined) return Promise.resolve()
    return new Promise((resolve) => (this.#wake = resolve))
  }
}
