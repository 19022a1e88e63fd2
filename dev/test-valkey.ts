import { startValkey, type Valkey, type ValkeyOptions } from './valkey.js'

/** A Valkey server that a test may break. What is in it is gone after a crash, as in production. */
export class TestValkey {
  readonly #options: ValkeyOptions
  #valkey: Valkey

  private constructor(options: ValkeyOptions, valkey: Valkey) {
    this.#options = options
    this.#valkey = valkey
  }

  static async start(given: Omit<ValkeyOptions, 'password' | 'databaseCount'>): Promise<TestValkey> {
    const options = { ...given, password: undefined, databaseCount: 1 }
    return new TestValkey(options, await startValkey(options))
  }

  get url(): string {
    return this.#valkey.url
  }

  /** Ends it at once. */
  async crash(): Promise<void> {
    await this.#valkey.process.kill('SIGKILL')
  }

  /** Starts it again, empty, on the same port. */
  async startAgain(): Promise<void> {
    this.#valkey = await startValkey(this.#options)
  }

  async stop(): Promise<void> {
    if (this.#valkey.process.exit === undefined) await this.#valkey.process.stop()
  }
}
