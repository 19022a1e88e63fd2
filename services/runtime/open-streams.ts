/** The streams of a server that may go on for ever, so that a drain can end them. */
export class OpenStreams {
  readonly #enders = new Set<() => void>()

  /** Notes a stream by what ends it; answers what takes it off again. */
  add(end: () => void): () => void {
    this.#enders.add(end)
    return () => {
      this.#enders.delete(end)
    }
  }

  /** Asks every stream to end. */
  endAll(): void {
    for (const end of this.#enders) end()
  }
}
