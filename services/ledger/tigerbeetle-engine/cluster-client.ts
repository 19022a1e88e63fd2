import { type Client } from 'tigerbeetle-node'
import { type Logger } from '../../runtime/logger.js'
import { UndecidedError } from '../engine.js'

// The one client of this process, through the clients that follow one another when the cluster evicts them.
//
//   open ──► evicted      the cluster ended the session, to make room for another or because the releases don't fit
//   evicted ──► open      the next call after the pause makes a new client
//   open ──► closed       stopped
//
// A call to a cluster that can't be reached never settles, because the client repeats it for ever. So every call races
// a deadline. A call that lost the race is still under way: it counts as such, and what it answers at last is told to
// whoever left a listener. The bound on what is under way is what keeps memory bounded while the cluster is away.

/** How to talk to a cluster. */
export interface ClusterOptions {
  /** Makes a client; each is a session of the cluster. */
  readonly open: () => Client
  /** How long a caller waits for an answer. */
  readonly callTimeoutMs: number
  /** How many events may be under way; more are refused. */
  readonly eventsInFlightMax: number
  /** The shortest time between two clients; grows up to 64 times while they are evicted before they answered anything. */
  readonly reopenPauseMs: number
  readonly log: Logger
}

/** One call. */
export interface ClusterCall<T> {
  /** How much room it takes: its events, or 1. Zero is always let in. */
  readonly weight: number
  run(client: Client): Promise<T>
  /** Told of an answer that came after the caller had been given up on. */
  answeredLate?(answer: T): void
  /** Ends the call before it was sent. Once sent, it is decided whatever happens to the caller. */
  readonly signal?: AbortSignal | undefined
}

interface Session {
  readonly client: Client
  readonly openedMs: number
  evicted: boolean
  answered: boolean
}

const REOPEN_DOUBLINGS_MAX = 6

const SESSION_ENDED: ReadonlySet<unknown> = new Set([
  'ERR_CLIENT_EVICTED',
  'ERR_CLIENT_RELEASE_TOO_LOW',
  'ERR_CLIENT_RELEASE_TOO_HIGH',
])

/** Calls with deadlines, bounds and a client that is replaced when the cluster evicts it. */
export class ClusterClient {
  readonly #options: ClusterOptions
  #session: Session | undefined
  #eventsInFlight = 0
  #fruitless = 0
  #stopped = false

  constructor(options: ClusterOptions) {
    this.#options = options
  }

  get eventsInFlight(): number {
    return this.#eventsInFlight
  }

  /** Opens the first client, so that wrong addresses are seen at the start. Throws what the client throws. */
  start(): void {
    this.#session ??= this.#newSession()
  }

  /** Ends the session. Calls under way are rejected with outcome_unknown, calls that come now with not_writer. */
  stop(): void {
    this.#stopped = true
    // `destroy` on an evicted client aborts the process.
    if (this.#session?.evicted === false) this.#session.client.destroy()
    this.#session = undefined
  }

  /** Rejects with UndecidedError; any other error is a bug, and then nothing was done. */
  call<T>(call: ClusterCall<T>): Promise<T> {
    if (call.signal?.aborted === true) return Promise.reject(new UndecidedError('abandoned'))
    if (call.weight > 0 && this.#eventsInFlight + call.weight > this.#options.eventsInFlightMax) {
      return Promise.reject(new UndecidedError('overloaded'))
    }
    const session = this.#openSession()
    if (session === undefined) return Promise.reject(new UndecidedError('not_writer'))
    return this.#race(session, call)
  }

  #race<T>(session: Session, call: ClusterCall<T>): Promise<T> {
    const { callTimeoutMs } = this.#options
    this.#eventsInFlight += call.weight
    return new Promise<T>((resolve, reject) => {
      let waiting = true
      const timer = setTimeout(() => {
        waiting = false
        reject(new UndecidedError('outcome_unknown', new Error(`The cluster did not answer in ${callTimeoutMs} ms.`)))
      }, callTimeoutMs)
      this.#settle(session, call).then(
        (answer) => {
          clearTimeout(timer)
          if (waiting) resolve(answer)
          else call.answeredLate?.(answer)
        },
        (error: unknown) => {
          clearTimeout(timer)
          if (waiting) reject(error instanceof Error ? error : new Error(String(error)))
        },
      )
    })
  }

  /** Settles when the client does, which may be never. */
  async #settle<T>(session: Session, call: ClusterCall<T>): Promise<T> {
    try {
      const answer = await call.run(session.client)
      session.answered = true
      return answer
    } catch (error) {
      const code = errorCode(error)
      if (SESSION_ENDED.has(code)) this.#evicted(session, error)
      if (SESSION_ENDED.has(code) || code === 'ERR_CLIENT_CLOSED') throw new UndecidedError('outcome_unknown', error)
      throw error
    } finally {
      this.#eventsInFlight -= call.weight
    }
  }

  /** All calls of an evicted session fail at once; the first of them is the eviction. */
  #evicted(session: Session, error: unknown): void {
    if (session.evicted) return
    session.evicted = true
    this.#fruitless = session.answered ? 0 : Math.min(this.#fruitless + 1, REOPEN_DOUBLINGS_MAX)
    this.#options.log.warn({ err: error }, 'the TigerBeetle cluster ended the session')
  }

  /** The old client is left as it is: destroying it would abort the process. The pause bounds how many there can be. */
  #openSession(): Session | undefined {
    if (this.#stopped || this.#session === undefined) return undefined
    if (!this.#session.evicted) return this.#session
    const pauseMs = this.#options.reopenPauseMs * 2 ** this.#fruitless
    if (performance.now() - this.#session.openedMs < pauseMs) return undefined
    this.#session = this.#newSession()
    return this.#session
  }

  #newSession(): Session {
    return { client: this.#options.open(), openedMs: performance.now(), evicted: false, answered: false }
  }
}

function errorCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/**
 * Opens the native client. It is loaded only here, so that a process that keeps its books in PostgreSQL runs where
 * there is none for the platform. Addresses are numeric: `127.0.0.1:3000`.
 */
export async function clusterOpener(clusterId: bigint, addresses: readonly string[]): Promise<() => Client> {
  const { createClient } = await import('tigerbeetle-node')
  return () => createClient({ cluster_id: clusterId, replica_addresses: [...addresses] })
}
