import type pg from 'pg'
import { type Clock } from '../../runtime/clock.js'
import { type Logger } from '../../runtime/logger.js'
import { sqlState } from '../../runtime/postgres.js'
import { type Decided, type RunningEngine, type TransferOptions, UndecidedError } from '../engine.js'
import { type Account, type AccountEvent, type BalanceRow } from '../state-machine/account.js'
import { type AccountFilter, type QueryFilter } from '../state-machine/filters.js'
import { type AccountResult } from '../state-machine/status.js'
import { type FailedTransfer, type Transfer } from '../state-machine/transfer.js'
import { CallQueue, type QueuedCall } from './call-queue.js'
import { getAccountBalances, getAccountTransfers, queryAccounts, queryTransfers } from './queries.js'
import { lookupAccounts, lookupFailures, lookupTransfers } from './reads.js'
import { type AccountOutcome, type Call, DecisionError, type Outcome, WriterSession } from './writer-session.js'
import { pause } from './writer-lock.js'

// One writer in the world: the process that holds the advisory lock. The others stand by and take over when it goes.
//
//   standing by ──► writing        it got the lock and began a new epoch
//   writing ──► standing by        its connection broke, a write failed, or another epoch has begun
//
// A writer takes what waits in the queue as one batch, decides it, has it committed, answers, and takes the next.

/** What an engine tells those who watch it. */
export interface EngineObserver {
  /** Whether this process is the writer now. */
  writerChanged(isWriter: boolean): void
  batchDecided(eventCount: number, durationMs: number): void
}

/** What an engine needs. */
export interface EngineOptions {
  /** Where the writer connects. */
  readonly url: string
  /** For reads. */
  readonly pool: pg.Pool
  readonly clock: Clock
  readonly log: Logger
  readonly observer: EngineObserver
  /** A batch takes calls until it has this many events. Measured: larger gains nothing and makes others wait longer. */
  readonly batchEventsMax: number
  /** How many events may wait; more are refused. At the full rate the default is about half a second's work. */
  readonly queuedEventsMax: number
  readonly cachedAccountsMax: number
  /** How many batches are looked up first after one that held a known transfer; see SessionOptions. */
  readonly lookedUpAfterRepeat: number
  /**
   * The longest that a statement of the writer may run; a batch has a few. When the server stays silent two seconds more,
   * the batch's outcome is unknown.
   */
  readonly statementTimeoutMs: number
}

// A batch takes milliseconds. What takes seconds is a disk that stalls or a lock that an operator holds, and both pass.
const STATEMENT_TIMEOUT_MS = 10_000

export const ENGINE_DEFAULTS = {
  batchEventsMax: 512,
  queuedEventsMax: 16_384,
  cachedAccountsMax: 200_000,
  lookedUpAfterRepeat: 64,
  statementTimeoutMs: STATEMENT_TIMEOUT_MS,
}

const SWEEP_INTERVAL_MS = 100
const RETRY_INTERVAL_MS = 250

/** The ledger in PostgreSQL. */
export class PostgresEngine implements RunningEngine {
  readonly #options: EngineOptions
  readonly #queue: CallQueue
  readonly #stopping = new AbortController()
  #session: WriterSession | undefined
  #busy = false
  #scheduled = false
  #terms: Promise<void> | undefined
  #lastProblem = ''

  constructor(options: EngineOptions) {
    this.#options = options
    this.#queue = new CallQueue(options.queuedEventsMax)
  }

  get isWriter(): boolean {
    return this.#session !== undefined
  }

  get queuedEvents(): number {
    return this.#queue.events
  }

  /** How many accounts are in memory. */
  get cachedAccounts(): number {
    return this.#session?.cachedAccounts ?? 0
  }

  /** Begins to stand by. */
  start(): void {
    this.#terms ??= this.#serve()
  }

  /** Gives up the lock. Calls that still wait are rejected. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#session?.close()
    await this.#terms
  }

  createAccounts(events: readonly AccountEvent[], signal?: AbortSignal): Promise<readonly AccountResult[]> {
    const call: Call = { kind: 'accounts', events, withAccounts: false }
    return this.#enqueue<AccountOutcome>(call, signal).then(({ results }) => results)
  }

  createTransfers(events: readonly Transfer[], options: TransferOptions = {}): Promise<Decided> {
    const call: Call = { kind: 'transfers', events, withAccounts: options.withAccounts ?? false }
    return this.#enqueue<Decided>(call, options.signal)
  }

  lookupAccounts(ids: readonly bigint[]): Promise<Account[]> {
    return lookupAccounts(this.#options.pool, ids)
  }

  lookupTransfers(ids: readonly bigint[]): Promise<Transfer[]> {
    return lookupTransfers(this.#options.pool, ids)
  }

  lookupFailures(ids: readonly bigint[]): Promise<FailedTransfer[]> {
    return lookupFailures(this.#options.pool, ids)
  }

  getAccountTransfers(filter: AccountFilter): Promise<Transfer[]> {
    return getAccountTransfers(this.#options.pool, filter)
  }

  getAccountBalances(filter: AccountFilter): Promise<BalanceRow[]> {
    return getAccountBalances(this.#options.pool, filter)
  }

  queryAccounts(filter: QueryFilter): Promise<Account[]> {
    return queryAccounts(this.#options.pool, filter)
  }

  queryTransfers(filter: QueryFilter): Promise<Transfer[]> {
    return queryTransfers(this.#options.pool, filter)
  }

  /** The outcome's type follows the call's kind. */
  #enqueue<O extends Outcome>(call: Call, signal: AbortSignal | undefined): Promise<O> {
    return new Promise<O>((resolve, reject) => {
      if (this.#session === undefined) {
        reject(new UndecidedError('not_writer'))
        return
      }
      this.#queue.add({ call, signal, resolve: resolve as (outcome: Outcome) => void, reject })
      this.#schedule()
    })
  }

  /** One term of office after the other, until stopped. */
  async #serve(): Promise<void> {
    const { signal } = this.#stopping
    const sweeper = setInterval(() => {
      if (this.#session?.sweepDue() === true) this.#schedule()
    }, SWEEP_INTERVAL_MS)
    while (!this.#isStopping()) {
      try {
        const session = await WriterSession.open({ ...this.#options, signal })
        // Told to stop while it took office: nobody but this line can give the lock back.
        if (this.#isStopping()) {
          await session.close()
          break
        }
        this.#begin(session)
        await session.ended
        this.#end(session)
        await session.close()
        // A store that refuses every batch, such as one on a full disk, is not to be worn out with terms.
        if (!session.hasCommitted) await pause(RETRY_INTERVAL_MS, signal)
      } catch (error) {
        if (this.#isStopping()) break
        this.#report(error)
        await pause(RETRY_INTERVAL_MS, signal)
      }
    }
    clearInterval(sweeper)
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted
  }

  #begin(session: WriterSession): void {
    this.#session = session
    this.#lastProblem = ''
    this.#options.log.info({ epoch: session.epoch }, 'this process is the writer')
    this.#options.observer.writerChanged(true)
  }

  /** Idempotent: a failed write and the end of its connection both lead here. */
  #end(session: WriterSession): void {
    if (this.#session !== session) return
    this.#session = undefined
    this.#options.log.warn({ epoch: session.epoch }, 'this process is not the writer any more')
    this.#options.observer.writerChanged(false)
    this.#queue.clear(() => new UndecidedError('not_writer'))
  }

  /** A store that stays away is reported once, not four times a second. */
  #report(error: unknown): void {
    const problem = error instanceof Error ? error.message : String(error)
    if (problem === this.#lastProblem) return
    this.#lastProblem = problem
    this.#options.log.warn({ err: error }, 'cannot become the writer; trying again')
  }

  // The check phase of the event loop comes after all input that was read together, so calls that arrived together
  // become one batch.
  #schedule(): void {
    if (this.#busy || this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#work()
    })
  }

  async #work(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    try {
      while (this.#session !== undefined && (!this.#queue.isEmpty || this.#session.sweepDue())) {
        await this.#decide(this.#session, this.#queue.take(this.#options.batchEventsMax))
      }
    } finally {
      this.#busy = false
    }
  }

  /** Never rejects: every call of the batch is settled, one way or another. */
  async #decide(session: WriterSession, batch: readonly QueuedCall[]): Promise<void> {
    const started = performance.now()
    try {
      const outcomes = await session.decide(batch.map(({ call }) => call))
      if (outcomes === undefined) {
        await this.#giveUp(session, batch, new UndecidedError('not_writer'))
        return
      }
      for (const [index, outcome] of outcomes.entries()) batch[index]?.resolve(outcome)
      const events = batch.reduce((sum, { call }) => sum + call.events.length, 0)
      this.#options.observer.batchDecided(events, performance.now() - started)
    } catch (error) {
      if (isAboutData(error)) await this.#split(session, batch, error)
      else await this.#giveUp(session, batch, new UndecidedError('outcome_unknown', error))
    }
  }

  /** Nothing of the batch was written, and trying again would fail again: the culprit must fail alone. */
  async #split(session: WriterSession, batch: readonly QueuedCall[], error: unknown): Promise<void> {
    session.forget()
    if (batch.length === 0) return this.#giveUp(session, batch, error)
    if (batch.length === 1) {
      batch[0]?.reject(error)
      return
    }
    const half = batch.length >> 1
    for (const part of [batch.slice(0, half), batch.slice(half)]) {
      if (this.#session === session) await this.#decide(session, part)
      else for (const queued of part) queued.reject(new UndecidedError('not_writer'))
    }
  }

  /** The session is of no more use. The next term begins from what is in the store. */
  async #giveUp(session: WriterSession, batch: readonly QueuedCall[], error: unknown): Promise<void> {
    if (!this.#stopping.signal.aborted) this.#options.log.warn({ err: error }, 'a batch was given up')
    this.#end(session)
    for (const queued of batch) queued.reject(error)
    await session.close()
  }
}

/** Whether an error says that the batch's own content could not be written: it was refused whole, and would be again. */
function isAboutData(error: unknown): boolean {
  if (error instanceof DecisionError) return true
  // Data exceptions, broken constraints, and limits of the server such as too long a value.
  return ['22', '23', '54'].includes(sqlState(error)?.slice(0, 2) ?? '')
}
