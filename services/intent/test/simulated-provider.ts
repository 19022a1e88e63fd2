// A provider of the simulator as a payment's tests see it: with what Intent needs to know of it.
import { type SignedCallback } from '../../../dev/provider-simulator/callback.js'
import { type Outcome, type Script } from '../../../dev/provider-simulator/script.js'
import { type ProviderSimulator, startProviderSimulator } from '../../../dev/provider-simulator/simulator.js'
import { type TransferView } from '../../../dev/provider-simulator/transfer-book.js'
import { Secret } from '../../runtime/secret.js'
import { type HttpProviderOptions } from '../providers/http-provider.js'

const key = 'key-of-tests'
const callbackKey = Buffer.alloc(32, 9)
// Nobody listens there. Tests hand callbacks over by themselves, when it suits them.
const nowhere = 'http://127.0.0.1:9/callbacks'

export class SimulatedProvider {
  readonly name: string
  readonly #callbackUrl: string
  readonly #simulator: ProviderSimulator

  private constructor(name: string, callbackUrl: string, simulator: ProviderSimulator) {
    this.name = name
    this.#callbackUrl = callbackUrl
    this.#simulator = simulator
  }

  /** One that settles every transfer at once, until it is told otherwise. */
  static async start(name = 'ipps', callbackUrl = nowhere): Promise<SimulatedProvider> {
    const callbackSecret = `whsec_${callbackKey.toString('base64')}`
    const simulator = await startProviderSimulator({ key, callbackSecret, retryDelaysMs: [] })
    const provider = new SimulatedProvider(name, callbackUrl, simulator)
    provider.behave({ behaviour: 'settle-at-once' })
    return provider
  }

  async stop(): Promise<void> {
    await this.#simulator.stop()
  }

  /** Breaks every connection, those that it keeps waiting too. */
  hangUp(): void {
    this.#simulator.hangUp()
  }

  get options(): HttpProviderOptions {
    return {
      name: this.name,
      url: this.#simulator.url,
      key: new Secret(key, 'key'),
      callbackSecret: new Secret(callbackKey, 'secret'),
      callbackUrl: this.#callbackUrl,
    }
  }

  /** The variables of an Intent process. */
  get environment(): Record<string, string> {
    const prefix = this.name.toUpperCase()
    return {
      [`${prefix}_URL`]: this.#simulator.url,
      [`${prefix}_KEY`]: key,
      [`${prefix}_CALLBACK_SECRET`]: callbackKey.toString('base64'),
      [`${prefix}_CALLBACK_URL`]: this.#callbackUrl,
    }
  }

  /** How it treats every transfer from now on; undefined: as the number asks for to which it goes. */
  behave(script: Script | undefined): void {
    this.#simulator.script('*', script)
  }

  /** How it treats transfers to an account from now on; undefined: as all others. */
  behaveTowards(account: string, script: Script | undefined): void {
    this.#simulator.script(account, script)
  }

  /** Lets everything arrive that is on its way to it. */
  arrive(): void {
    this.#simulator.arrive()
  }

  get transfers(): readonly TransferView[] {
    return this.#simulator.transfers()
  }

  find(id: string): TransferView | undefined {
    return this.transfers.find((transfer) => transfer.id === id)
  }

  transfer(id: string): TransferView {
    const found = this.find(id)
    if (found === undefined) throw new Error(`it never took ${id} in`)
    return found
  }

  /** How often a transfer was submitted, whether it was taken in or not. */
  posts(id: string): number {
    return this.#simulator.posts(id)
  }

  polls(id: string): number {
    return this.#simulator.polls(id)
  }

  /** Makes up its mind about a transfer, whatever it had in mind; tells nobody. */
  decide(id: string, outcome: Outcome): void {
    this.#simulator.decide(id, outcome)
  }

  /** A callback about a transfer as it stands, with what is to be otherwise in it, signed and not sent. */
  callback(id: string, change: Readonly<Record<string, unknown>> = {}): SignedCallback {
    return this.#simulator.callback(id, change)
  }

  /** The callback with that very body. */
  sign(eventId: string, body: string): SignedCallback {
    return this.#simulator.sign(eventId, body)
  }

  /** Everything that it has paid, in minor units. */
  get paidMinor(): bigint {
    const paid = this.transfers.filter(({ status }) => status === 'SETTLED')
    return paid.reduce((sum, { amount }) => sum + BigInt(amount), 0n)
  }
}
