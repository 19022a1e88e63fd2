// The channels that a process has. Which these are, its composition says: the built-in ones, unless it is told otherwise.
import { strict as assert } from 'node:assert'
import { type Intent } from '../intents/intent.js'
import { type Channel, type OperationTerms } from './channel.js'

export class Channels {
  readonly #byName = new Map<string, Channel>()
  readonly #termsByType = new Map<string, OperationTerms>()

  /** Throws when two channels have one name, or terms for one operation type. */
  constructor(channels: readonly Channel[]) {
    for (const channel of channels) {
      assert(!this.#byName.has(channel.name), `there are two channels ${channel.name}`)
      this.#byName.set(channel.name, channel)
      for (const [operationType, terms] of Object.entries(channel.operations)) {
        assert(!this.#termsByType.has(operationType), `there are two channels for ${operationType}`)
        this.#termsByType.set(operationType, terms)
      }
    }
  }

  /** The operation types that a caller may ask for through CreateIntent. */
  get requestableTypes(): readonly string[] {
    return this.#typesWith((terms) => terms.requestable)
  }

  /** The operation types of which who is paid decides about the hold, and so sees it. */
  get typesHeldForPayee(): readonly string[] {
    return this.#typesWith((terms) => terms.holdDecider === 'payee')
  }

  /** The providers whose payments are submitted through a queue. */
  get queuedProviders(): ReadonlySet<string> {
    const terms = [...this.#byName.values()].flatMap(({ provider }) => provider ?? [])
    return new Set(terms.filter(({ isQueued }) => isQueued).map(({ name }) => name))
  }

  /** What may be done with payments of a type; undefined when no channel here settles them. */
  termsOf(operationType: string): OperationTerms | undefined {
    return this.#termsByType.get(operationType)
  }

  /** The channel that a route names, if it is here and settles such payments. */
  find(name: string, operationType: string): Channel | undefined {
    const channel = this.#byName.get(name)
    return channel !== undefined && Object.hasOwn(channel.operations, operationType) ? channel : undefined
  }

  /** The channel that an intent's frozen decision names; undefined when Rules refused it or this process does not have it. */
  of({ decision: { verdict }, operationType }: Intent): Channel | undefined {
    return verdict.kind === 'routed' ? this.find(verdict.channel, operationType) : undefined
  }

  #typesWith(condition: (terms: OperationTerms) => boolean): readonly string[] {
    return [...this.#termsByType].filter(([, terms]) => condition(terms)).map(([operationType]) => operationType)
  }
}
