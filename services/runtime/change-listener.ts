import pg from 'pg'
import type { Logger } from './logger.js'

/** How to listen for changes. */
export interface ChangeListenerOptions {
  url: string
  applicationName: string
  /** The channel of `notify`; a plain lower-case identifier. */
  channel: string
  /** How often to look without having been notified: the safety net under a connection that died silently. */
  pollIntervalMs: number
  /** Brings what the process holds in memory up to the database. Calls never overlap. */
  refresh: () => Promise<void>
  log: Logger
}

const connectionTimeoutMs = 5_000

/**
 * Keeps memory up to a table: refreshes once at the start, after every notification, when the connection is lost, after
 * every reconnection (what was notified meanwhile is lost) and at every poll. Notifications that arrive during a refresh
 * cause one more. A refresh that fails is logged once, leaves what is held as it was, and is tried again at the next poll. No
 * refresh waits for the connection: while it cannot be had, or hangs, memory is as old as the poll's interval and a refresh.
 */
export class ChangeListener {
  readonly #options: ChangeListenerOptions
  #client: pg.Client | undefined
  #connecting: Promise<void> | undefined
  #isDeaf = false
  #failing = false
  #stopped = false
  #notified = false
  #wake: () => void = () => undefined
  #loop: Promise<void> | undefined

  constructor(options: ChangeListenerOptions) {
    this.#options = options
  }

  /** Resolves after the first refresh; rejects when the database cannot be read. */
  async start(): Promise<void> {
    await this.#connect()
    await this.#options.refresh()
    this.#loop = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#notify()
    await this.#loop
    await this.#connecting
    await this.#client?.end()
  }

  async #run(): Promise<void> {
    for (;;) {
      await this.#notifiedOrPoll()
      if (this.#stopped) return
      await this.#tryRefresh()
    }
  }

  async #tryRefresh(): Promise<void> {
    try {
      if (this.#client === undefined) this.#connecting ??= this.#reconnect()
      await this.#options.refresh()
      if (this.#failing) this.#options.log.info({ channel: this.#options.channel }, 'refreshing works again')
      this.#failing = false
    } catch (error) {
      // At every poll it would be the same record once a second.
      if (!this.#failing) this.#options.log.error({ err: error, channel: this.#options.channel }, 'refreshing failed')
      this.#failing = true
    }
  }

  /** Never rejects: while it fails, polls go on, and each tries again. */
  async #reconnect(): Promise<void> {
    const { log, channel } = this.#options
    try {
      await this.#connect()
      this.#isDeaf = false
      this.#notify()
    } catch (error) {
      if (!this.#isDeaf) log.warn({ err: error, channel }, 'notifications cannot be heard; polling goes on')
      this.#isDeaf = true
    } finally {
      this.#connecting = undefined
    }
  }

  async #connect(): Promise<void> {
    const { url, applicationName, channel } = this.#options
    const client = new pg.Client({
      connectionString: url,
      application_name: `${applicationName} listener`,
      connectionTimeoutMillis: connectionTimeoutMs,
      keepAlive: true,
    })
    client.on('notification', () => {
      this.#notify()
    })
    // Without a listener an error would end the process; 'end' follows it.
    client.on('error', () => undefined)
    client.on('end', () => {
      if (this.#client !== client) return
      this.#client = undefined
      this.#notify()
    })
    try {
      await client.connect()
      await client.query(`listen ${pg.escapeIdentifier(channel)}`)
    } catch (error) {
      void client.end().catch(() => undefined)
      throw error
    }
    this.#client = client
  }

  #notify(): void {
    this.#notified = true
    this.#wake()
  }

  /** A lost connection counts as a notification, but while refreshing fails only the poll paces the attempts. */
  async #notifiedOrPoll(): Promise<void> {
    if (!this.#stopped && (!this.#notified || this.#failing)) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#options.pollIntervalMs)
        this.#wake = () => {
          if (this.#failing && !this.#stopped) return
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.#notified = false
  }
}
