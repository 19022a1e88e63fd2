// Tells watchers when to look at their intent again.
//
// One subscribed connection for the whole process, however many watch. A message only wakes: what a watcher sees is
// read from the row, so a lost, doubled or forged message does no harm. While Valkey is away, or a message is lost, a
// poll of all watched rows in one query finds the change.
import { type Redis } from 'ioredis'
import { type Logger } from '../../runtime/logger.js'
import { Loop } from '../../runtime/loop.js'
import { type IntentStore } from '../intents/intent-store.js'
import { intentChannel } from './outbox-worker.js'

export interface WatchHubDeps {
  /** A connection of its own: a subscribed one can do nothing else. */
  readonly subscriber: Redis
  readonly store: Pick<IntentStore, 'versionsOf'>
  readonly random: () => number
  readonly log: Logger
  /** How many may watch at once. */
  readonly watchersMax: number
  /** How often watched rows are read when nothing is heard, in milliseconds. */
  readonly pollMs: number
}

export type Change = 'changed' | 'timeout' | 'draining'

/** One watcher's place in the hub. */
export interface Watch {
  /** Records that the watcher was shown this version of the intent; false when it had seen it already. */
  sees(version: number): boolean
  /** Resolves when the intent may have changed since the last call, after `timeoutMs`, or when the watch must end. */
  changed(timeoutMs: number): Promise<Change>
  /** Gives the place back, and ends a wait. */
  end(): void
}

interface Watcher {
  seenVersion: number
  readonly wakeUp: WakeUp
}

// A query for the versions of a thousand rows by key takes a few milliseconds; for the whole rows it is several times that,
// most of it in this process.
const pollBatchMax = 1_000

export class WatchHub {
  readonly #deps: WatchHubDeps
  readonly #watchers = new Map<string, Set<Watcher>>()
  readonly #poll: Loop
  #count = 0
  #draining = false

  constructor(deps: WatchHubDeps) {
    this.#deps = deps
    const { random, log, pollMs } = deps
    this.#poll = new Loop({
      name: 'watch-poll',
      work: () => this.#pollAll(),
      restMs: pollMs,
      restMsMax: pollMs * 4,
      random,
      log,
    })
    deps.subscriber.on('message', (channel: string) => {
      this.#wake(channel.slice(intentChannel('').length))
    })
  }

  start(): void {
    this.#poll.start()
  }

  /** Watches an intent; undefined when too many watch. */
  watch(intentId: string): Watch | undefined {
    if (this.#count >= this.#deps.watchersMax) return undefined
    const watcher: Watcher = { seenVersion: 0, wakeUp: new WakeUp() }
    this.#add(intentId, watcher)
    return {
      sees: (version) => {
        const isNew = version > watcher.seenVersion
        if (isNew) watcher.seenVersion = version
        return isNew
      },
      changed: async (timeoutMs) => {
        if (this.#draining) return 'draining'
        const changed = await watcher.wakeUp.wait(timeoutMs)
        if (this.#isDraining()) return 'draining'
        return changed ? 'changed' : 'timeout'
      },
      end: () => {
        this.#remove(intentId, watcher)
        watcher.wakeUp.raise()
      },
    }
  }

  /** Ends every watch. */
  drain(): void {
    this.#draining = true
    for (const watchers of this.#watchers.values()) for (const watcher of watchers) watcher.wakeUp.raise()
  }

  async stop(): Promise<void> {
    this.drain()
    await this.#poll.stop()
  }

  #isDraining(): boolean {
    return this.#draining
  }

  #add(intentId: string, watcher: Watcher): void {
    this.#count += 1
    const others = this.#watchers.get(intentId)
    if (others !== undefined) {
      others.add(watcher)
      return
    }
    this.#watchers.set(intentId, new Set([watcher]))
    this.#tell('subscribe', intentId)
  }

  #remove(intentId: string, watcher: Watcher): void {
    const watchers = this.#watchers.get(intentId)
    if (watchers?.delete(watcher) !== true) return
    this.#count -= 1
    if (watchers.size > 0) return
    this.#watchers.delete(intentId)
    this.#tell('unsubscribe', intentId)
  }

  // Not waited for: without Valkey the poll does. The client subscribes again by itself after a reconnect.
  #tell(what: 'subscribe' | 'unsubscribe', intentId: string): void {
    this.#deps.subscriber[what](intentChannel(intentId)).catch((error: unknown) => {
      this.#deps.log.debug({ err: error }, `could not ${what}`)
    })
  }

  #wake(intentId: string): void {
    for (const watcher of this.#watchers.get(intentId) ?? []) watcher.wakeUp.raise()
  }

  async #pollAll(): Promise<boolean> {
    const ids = [...this.#watchers.keys()]
    for (let start = 0; start < ids.length; start += pollBatchMax) {
      const now = await this.#deps.store.versionsOf(ids.slice(start, start + pollBatchMax))
      for (const { id, version } of now) this.#wakeThoseBehind(id, version)
    }
    return false
  }

  #wakeThoseBehind(intentId: string, version: number): void {
    for (const watcher of this.#watchers.get(intentId) ?? []) {
      if (watcher.seenVersion < version) watcher.wakeUp.raise()
    }
  }
}

/** A flag that can be waited for. However often it is raised before someone waits, it wakes once: nothing queues up. */
class WakeUp {
  #raised = false
  #wake: (() => void) | undefined

  raise(): void {
    this.#raised = true
    this.#wake?.()
  }

  /** True when it was raised, false after the time. */
  async wait(timeoutMs: number): Promise<boolean> {
    if (!this.#raised) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#wake = undefined
    }
    const raised = this.#isRaised()
    this.#raised = false
    return raised
  }

  #isRaised(): boolean {
    return this.#raised
  }
}
