import { type CompiledRuleSet, compileRuleSet } from './decision.js'
import { parseRuleSet } from './rule-set.js'
import type { StoredRuleSet } from './store.js'

/** Where published versions are read from. */
export interface RuleSetSource {
  newestVersion(): Promise<bigint | undefined>
  find(version: bigint): Promise<StoredRuleSet | undefined>
}

/**
 * How often a replica looks for a new version without having heard of one. With the time that a refresh takes, a version is
 * in force within the promised second, whatever becomes of its notification.
 */
export const pollIntervalMs = 500

/** Versions held compiled. Payments under way may name a few versions before the newest; a dry run walks over more. */
const compiledMax = 16

/**
 * The published versions, compiled. The newest is one reference that is swapped whole, so a decision is made wholly by one
 * version; older ones are loaded when asked for and held, least recently used out first.
 */
export class PublishedRuleSets {
  readonly #source: RuleSetSource
  readonly #compiled = new Map<bigint, Promise<CompiledRuleSet | undefined>>()
  #newest: CompiledRuleSet | undefined

  constructor(source: RuleSetSource) {
    this.#source = source
  }

  /** The newest version that this process knows of; undefined when nothing is published. */
  get newest(): CompiledRuleSet | undefined {
    return this.#newest
  }

  /** Brings `newest` up to the database. When the newest version cannot be loaded, the one before stays in force. */
  async refresh(): Promise<void> {
    const version = await this.#source.newestVersion()
    if (version === undefined || version === this.#newest?.version) return
    this.#newest = (await this.find(version)) ?? this.#newest
  }

  /** A published version, without I/O when it is held; undefined when it was never published. */
  async find(version: bigint): Promise<CompiledRuleSet | undefined> {
    if (version === this.#newest?.version) return this.#newest
    const loading = this.#compiled.get(version) ?? this.#load(version)
    this.#hold(version, loading)
    try {
      const ruleSet = await loading
      // A version that is not there now may be published a moment later.
      if (ruleSet === undefined) this.#compiled.delete(version)
      return ruleSet
    } catch (error) {
      this.#compiled.delete(version)
      throw error
    }
  }

  async #load(version: bigint): Promise<CompiledRuleSet | undefined> {
    const stored = await this.#source.find(version)
    return stored && compileRuleSet(stored.version, parseRuleSet(stored.document))
  }

  #hold(version: bigint, loading: Promise<CompiledRuleSet | undefined>): void {
    this.#compiled.delete(version)
    this.#compiled.set(version, loading)
    const [oldest] = this.#compiled.keys()
    if (this.#compiled.size > compiledMax && oldest !== undefined) this.#compiled.delete(oldest)
  }
}
