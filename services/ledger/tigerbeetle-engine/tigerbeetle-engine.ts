import { type Client } from 'tigerbeetle-node'
import { type Logger } from '../../runtime/logger.js'
import {
  type Decided,
  EVENTS_MAX,
  NONE_READ_LATER,
  type RunningEngine,
  type TransferOptions,
  UndecidedError,
} from '../engine.js'
import { type EngineObserver } from '../postgres-engine/postgres-engine.js'
import { type Account, type AccountEvent, type BalanceRow } from '../state-machine/account.js'
import {
  type AccountFilter,
  isValidAccountFilter,
  isValidQueryFilter,
  type QueryFilter,
} from '../state-machine/filters.js'
import {
  type AccountResult,
  AccountStatus,
  isTransient,
  type TransferResult,
  TransferStatus,
} from '../state-machine/status.js'
import { type FailedTransfer, hasFlag, type Transfer, TransferFlag } from '../state-machine/transfer.js'
import { accountsAfter } from './balances-after.js'
import { ClusterClient, type ClusterOptions } from './cluster-client.js'
import { MergedCalls } from './merged-calls.js'
import { type EngineNotes } from './notes.js'
import {
  accountFilterRecord,
  accountOf,
  accountRecord,
  accountResults,
  balanceRowOf,
  queryFilterRecord,
  transferOf,
  transferRecord,
  transferResults,
} from './records.js'

// The cluster decides in one total order by itself, so that every replica of this service may write at any time: there
// is no standby. A call of ours is never split, because a chain must reach the cluster in one piece. Several may become
// one call of the client (merged-calls.ts), and the client puts calls that wait together into one message by itself.

export interface TigerBeetleEngineOptions extends ClusterOptions {
  readonly notes: EngineNotes
  readonly log: Logger
  readonly observer: EngineObserver
  /** How often the cluster is asked whether it answers. */
  readonly probeIntervalMs: number
}

// The contract's own deadlines are 5 s for reads and 10 s for writes; an answer must come before them. As much may be
// under way as may wait in the queue of the PostgreSQL engine, for callers know only one limit.
export const TIGERBEETLE_DEFAULTS = {
  callTimeoutMs: 4_000,
  eventsInFlightMax: 16_384,
  reopenPauseMs: 1_000,
  probeIntervalMs: 1_000,
}

// Any id will do: that there is an answer is what is asked.
const PROBE_ID = 1n

/** The ledger in a TigerBeetle cluster. */
export class TigerBeetleEngine implements RunningEngine {
  readonly #options: TigerBeetleEngineOptions
  readonly #cluster: ClusterClient
  readonly #merged: MergedCalls
  readonly cachedAccounts = 0
  #answers = false
  #probing = false
  #prober: NodeJS.Timeout | undefined

  constructor(options: TigerBeetleEngineOptions) {
    this.#options = options
    this.#cluster = new ClusterClient(options)
    this.#merged = new MergedCalls((records, answeredLate) =>
      this.#write(records.length, undefined, (client) => client.createTransfers(records), answeredLate),
    )
  }

  /** Whether the cluster answered when it was asked last. */
  get isWriter(): boolean {
    return this.#answers
  }

  get queuedEvents(): number {
    return this.#cluster.eventsInFlight
  }

  /** Opens the client and begins to ask whether the cluster answers. Throws where an address is none. */
  start(): void {
    if (this.#prober !== undefined) return
    this.#cluster.start()
    this.#prober = setInterval(() => void this.#probe(), this.#options.probeIntervalMs)
    void this.#probe()
  }

  stop(): Promise<void> {
    clearInterval(this.#prober)
    this.#setAnswers(false)
    this.#cluster.stop()
    return Promise.resolve()
  }

  async createAccounts(events: readonly AccountEvent[], signal?: AbortSignal): Promise<readonly AccountResult[]> {
    if (isEmptyCall(events)) return []
    const records = events.map(accountRecord)
    const answer = await this.#write(records.length, signal, (client) => client.createAccounts(records))
    const results = accountResults(answer, events.length)
    await this.#noteAccounts(events, results)
    return results
  }

  async createTransfers(events: readonly Transfer[], options: TransferOptions = {}): Promise<Decided> {
    if (isEmptyCall(events)) return { results: [], accounts: [], accountsReadLater: NONE_READ_LATER }
    const records = events.map(transferRecord)
    const note = (answer: Awaited<ReturnType<Client['createTransfers']>>) =>
      this.#options.notes.noteFailures(failuresOf(events, transferResults(answer, events.length)))
    if (options.signal?.aborted === true) throw new UndecidedError('abandoned')
    const answer = await this.#merged.add(records, (late) => void note(late))
    const results = transferResults(answer, events.length)
    await note(answer)
    if (options.withAccounts !== true) return { results, accounts: [], accountsReadLater: NONE_READ_LATER }
    const { accounts, readLater } = await accountsAfter(this, await this.#kept(events, results))
    return { results, accounts, accountsReadLater: readLater }
  }

  async lookupAccounts(ids: readonly bigint[]): Promise<readonly Account[]> {
    const parts = chunks(ids).map((part) => this.#read((client) => client.lookupAccounts(part)))
    return (await Promise.all(parts)).flat().map(accountOf)
  }

  async lookupTransfers(ids: readonly bigint[]): Promise<readonly Transfer[]> {
    const parts = chunks(ids).map((part) => this.#read((client) => client.lookupTransfers(part)))
    return (await Promise.all(parts)).flat().map(transferOf)
  }

  /** Those that were noted; an id that was spent while no note could be made answers `id_already_failed` when used. */
  lookupFailures(ids: readonly bigint[]): Promise<readonly FailedTransfer[]> {
    return this.#options.notes.findFailures(ids)
  }

  async getAccountTransfers(filter: AccountFilter): Promise<readonly Transfer[]> {
    if (!isValidAccountFilter(filter)) return []
    const record = accountFilterRecord(filter)
    return (await this.#read((client) => client.getAccountTransfers(record))).map(transferOf)
  }

  async getAccountBalances(filter: AccountFilter): Promise<readonly BalanceRow[]> {
    if (!isValidAccountFilter(filter)) return []
    const record = accountFilterRecord(filter)
    const rows = await this.#read((client) => client.getAccountBalances(record))
    return rows.map((row) => balanceRowOf(filter.accountId, row))
  }

  async queryAccounts(filter: QueryFilter): Promise<readonly Account[]> {
    if (!isValidQueryFilter(filter)) return []
    const record = queryFilterRecord(filter)
    return (await this.#read((client) => client.queryAccounts(record))).map(accountOf)
  }

  async queryTransfers(filter: QueryFilter): Promise<readonly Transfer[]> {
    if (!isValidQueryFilter(filter)) return []
    const record = queryFilterRecord(filter)
    return (await this.#read((client) => client.queryTransfers(record))).map(transferOf)
  }

  async #write<T>(
    weight: number,
    signal: AbortSignal | undefined,
    run: (client: Client) => Promise<T>,
    answeredLate: (answer: T) => void = () => undefined,
  ): Promise<T> {
    const started = performance.now()
    const answer = await this.#cluster.call({ weight, signal, run, answeredLate })
    this.#options.observer.batchDecided(weight, performance.now() - started)
    return answer
  }

  #read<T>(run: (client: Client) => Promise<T>): Promise<T> {
    return this.#cluster.call({ weight: 1, run })
  }

  async #noteAccounts(events: readonly AccountEvent[], results: readonly AccountResult[]): Promise<void> {
    const ids = events.flatMap(({ id }, index) => (isThere(results[index]?.status) ? [id] : []))
    if (ids.length === 0) return
    const accounts = await this.lookupAccounts(ids)
    try {
      await this.#options.notes.noteAccounts(accounts)
    } catch (error) {
      // The same ids settle it: the accounts exist then, and are noted.
      throw new UndecidedError('outcome_unknown', error)
    }
  }

  /** The transfers that the call made, as they are kept: of a post or void the accounts are those of the hold. */
  async #kept(events: readonly Transfer[], results: readonly TransferResult[]): Promise<readonly Transfer[]> {
    const created = events.flatMap((event, index) => {
      const result = results[index]
      return result?.status === TransferStatus.CREATED ? [{ ...event, timestamp: result.timestamp }] : []
    })
    const resolving = TransferFlag.POST_PENDING_TRANSFER | TransferFlag.VOID_PENDING_TRANSFER
    if (!created.some(({ flags }) => hasFlag(flags, resolving))) return created
    return this.lookupTransfers(created.map(({ id }) => id))
  }

  // One question at a time: to a cluster that is away a second one would tell nothing, and the first one settles when
  // it is back. A question that lost its client with an eviction fails, and the next one goes to the next client.
  async #probe(): Promise<void> {
    if (this.#probing) return
    const run = async (client: Client) => {
      this.#probing = true
      try {
        await client.lookupAccounts([PROBE_ID])
      } finally {
        this.#probing = false
      }
    }
    const answered = () => {
      this.#setAnswers(true)
    }
    try {
      await this.#cluster.call({ weight: 0, run, answeredLate: answered })
      answered()
    } catch (error) {
      this.#setAnswers(false, error)
    }
  }

  #setAnswers(answers: boolean, error?: unknown): void {
    if (this.#answers === answers) return
    this.#answers = answers
    if (answers) this.#options.log.info('the TigerBeetle cluster answers')
    else this.#options.log.warn({ err: error }, 'the TigerBeetle cluster does not answer')
    this.#options.observer.writerChanged(answers)
  }
}

/** Throws for a call that is longer than any may be: it would have to be split. */
function isEmptyCall(events: readonly unknown[]): boolean {
  if (events.length > EVENTS_MAX) throw new RangeError(`A call has ${events.length} events; at most ${EVENTS_MAX}.`)
  return events.length === 0
}

/** Whether there is an account after this, also where it was made before or was closed since. */
function isThere(status: AccountStatus | undefined): boolean {
  if (status === undefined) return false
  return status === AccountStatus.CREATED || (status >= EXISTING.first && status <= EXISTING.last)
}

const EXISTING = { first: AccountStatus.EXISTS_WITH_DIFFERENT_FLAGS, last: AccountStatus.EXISTS }

function failuresOf(events: readonly Transfer[], results: readonly TransferResult[]): FailedTransfer[] {
  return events.flatMap(({ id, userData64 }, index) => {
    const status = results[index]?.status
    return status !== undefined && isTransient(status) ? [{ id, status, userData64 }] : []
  })
}

/** Reads may be split: each object is looked up by itself. */
function chunks(ids: readonly bigint[]): bigint[][] {
  const parts: bigint[][] = []
  for (let start = 0; start < ids.length; start += EVENTS_MAX) parts.push(ids.slice(start, start + EVENTS_MAX))
  return parts
}
