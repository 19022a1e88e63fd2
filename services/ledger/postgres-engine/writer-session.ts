import pg from 'pg'
import { type Clock } from '../../runtime/clock.js'
import { type Logger } from '../../runtime/logger.js'
import { type Decided, NONE_READ_LATER } from '../engine.js'
import { type Account } from '../state-machine/account.js'
import { createAccounts, createTransfers } from '../state-machine/decide-batch.js'
import { expire } from '../state-machine/expire.js'
import { type Clocks, State } from '../state-machine/state.js'
import { type AccountResult } from '../state-machine/status.js'
import { expiresAt, hasFlag, type Transfer, TransferFlag } from '../state-machine/transfer.js'
import { AccountCache } from './account-cache.js'
import { BatchLoader, type Events } from './batch-loader.js'
import { type Head, prepareBatch } from './batch-writer.js'
import { keepAlive, waitForLock } from './writer-lock.js'

/** One call that waits to be decided. */
export type Call = Events & { readonly withAccounts: boolean }

/** What became of one call. */
export type Outcome = AccountOutcome | Decided
export interface AccountOutcome {
  readonly results: readonly AccountResult[]
}

/** The decision itself failed: a bug, or data that breaks an invariant. Nothing was written. */
export class DecisionError extends Error {
  override readonly name = 'DecisionError'
}

/** How a writer works. */
export interface SessionOptions {
  readonly url: string
  readonly clock: Clock
  /** How many accounts are kept in memory between batches. */
  readonly cachedAccountsMax: number
  /**
   * How many batches are looked up before they are decided, after one that held a transfer that is known. Transfers are
   * nearly always new, and then a batch need not look them up. Repeats come together, as when callers try again what a
   * broken connection left open; a batch that holds one is decided twice, so the next ones look first.
   */
  readonly lookedUpAfterRepeat: number
  /** The longest that a statement may run. */
  readonly statementTimeoutMs: number
  /** Ends the wait for the lock. */
  readonly signal: AbortSignal
  readonly log: Logger
}

// A sweep is a part of somebody's batch: as many holds as a batch has events, the rest next time.
const SWEPT_MAX = 512

// The server ends a statement that takes too long. When the server itself is gone without a word, or its answer was
// lost, the session ends this much later.
const SILENCE_MAX_MS = 2_000
// A connection whose other side does not answer the farewell is cut.
const FAREWELL_MAX_MS = 500

// Every query here is by key, so a plan made while a table was still empty must not walk over it later. The keepalives
// let the server notice within half a minute that the machine of a writer is gone, and free the lock; a standby that is
// there notices sooner (writer-lock.ts).
const SETTINGS = `
  set synchronous_commit = on; set enable_seqscan = off; set jit = off; set plan_cache_mode = force_generic_plan;
  set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3;
  set tcp_user_timeout = '20s'`

interface HeadRow {
  readonly epoch: string
  readonly batch: string
  readonly last_timestamp: string
  readonly last_account_timestamp: string
  readonly last_transfer_timestamp: string
  readonly hash: Buffer
}

const TAKE_OFFICE = `
  update ledger_head set epoch = epoch + 1
  returning epoch::text, batch::text, last_timestamp::text, last_account_timestamp::text,
    last_transfer_timestamp::text, hash`

const NEXT_EXPIRY = `select min(expires_at)::text as at from pending_transfers where state = 1 and expires_at is not null`

/** One term of office of the writer: a connection that holds the lock, the head of the ledger, and the cache. */
export class WriterSession {
  /** Resolves when the connection ends, for whatever reason. */
  readonly ended: Promise<void>
  readonly #client: pg.Client
  readonly #clock: Clock
  readonly #cachedAccountsMax: number
  readonly #lookedUpAfterRepeat: number
  #accounts: AccountCache
  #head: Head
  /** How many of the next batches are looked up before they are decided. */
  #batchesToLookUp = 0
  #hasCommitted = false
  /** No hold expires before this; it may be too early but never too late. */
  #nextExpiry: bigint | undefined

  private constructor(client: pg.Client, ended: Promise<void>, options: SessionOptions, head: Head) {
    this.#client = client
    this.ended = ended
    this.#clock = options.clock
    this.#cachedAccountsMax = options.cachedAccountsMax
    this.#lookedUpAfterRepeat = options.lookedUpAfterRepeat
    this.#accounts = new AccountCache(options.cachedAccountsMax)
    this.#head = head
  }

  /** Waits until this process is the writer. Rejects when the store can't be reached or the signal aborts. */
  static async open(options: SessionOptions): Promise<WriterSession> {
    const client = new pg.Client({
      connectionString: options.url,
      application_name: 'ledger-writer',
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      statement_timeout: options.statementTimeoutMs,
      idle_in_transaction_session_timeout: options.statementTimeoutMs,
      query_timeout: options.statementTimeoutMs + SILENCE_MAX_MS,
    })
    const ended = new Promise<void>((resolve) => {
      client.once('end', resolve)
      // Without a listener a broken connection would end the process; 'end' follows.
      client.on('error', () => {
        resolve()
      })
    })
    try {
      await client.connect()
      await client.query(SETTINGS)
      await waitForLock(client, options)
      keepAlive(client, ended, () => void endQuietly(client))
      const head = await takeOffice(client)
      const session = new WriterSession(client, ended, options, head)
      await session.#readNextExpiry()
      return session
    } catch (error) {
      await endQuietly(client)
      throw error
    }
  }

  get epoch(): bigint {
    return this.#head.epoch
  }

  /** Whether a batch was committed in this term. */
  get hasCommitted(): boolean {
    return this.#hasCommitted
  }

  get cachedAccounts(): number {
    return this.#accounts.size
  }

  /** Gives the lock back. */
  async close(): Promise<void> {
    await endQuietly(this.#client)
  }

  /** Whether a hold is, or may be, due. */
  sweepDue(): boolean {
    return this.#nextExpiry !== undefined && this.#nextExpiry <= this.#clock.nowNs()
  }

  /** Forgets everything that is not in the store; after a batch that was not written. */
  forget(): void {
    this.#accounts = new AccountCache(this.#cachedAccountsMax)
  }

  /**
   * Decides calls as one batch and has it committed; undefined when another writer has taken over, and then nothing was
   * done. On DecisionError and on the server's errors about data nothing was done; on any other error the outcome is
   * unknown and the session is of no more use.
   */
  async decide(calls: readonly Call[]): Promise<readonly Outcome[] | undefined> {
    if (this.#batchesToLookUp === 0) {
      const outcomes = await this.#decide(calls, { assumeNew: true })
      if (outcomes !== undefined) return outcomes
      this.#batchesToLookUp = this.#lookedUpAfterRepeat
    } else {
      this.#batchesToLookUp -= 1
    }
    return await this.#decide(calls, { assumeNew: false })
  }

  /** Undefined when nothing was done: another writer has taken over, or a transfer was assumed new and is not. */
  async #decide(
    calls: readonly Call[],
    load: { readonly assumeNew: boolean },
  ): Promise<readonly Outcome[] | undefined> {
    this.#accounts.age()
    const clocks: Clocks = { ...this.#head.clocks }
    const loader = new BatchLoader(this.#client, this.#accounts)
    const state = new State(loader.contents, clocks)
    const now = this.#clock.nowNs()
    const sweeps = this.#nextExpiry !== undefined && this.#nextExpiry <= now
    const due = sweeps ? await loader.loadDue(now, SWEPT_MAX) : []
    const assumedNewIds = await loader.load(calls, load)

    const outcomes = decideAll(() => {
      expire(state, due, now)
      return calls.map((call) => decideCall(state, call, this.#clock.nowNs()))
    })
    const changes = state.takeChanges()
    // Before anything is sent: a batch that cannot be said is one that could not be decided.
    const { query, head } = decideAll(() => prepareBatch(this.#head, { changes, clocks, assumedNewIds }))
    const { rowCount } = await this.#client.query(query)
    if (rowCount !== 1) {
      // What was decided is not so: the accounts are to be read again.
      for (const { id } of [...changes.touchedAccounts, ...changes.newAccounts]) this.#accounts.delete(id)
      return undefined
    }
    this.#hasCommitted ||= head.batch !== this.#head.batch
    this.#head = head
    if (sweeps) await this.#readNextExpiry()
    else this.#noteExpiries(changes.newTransfers)
    return outcomes
  }

  async #readNextExpiry(): Promise<void> {
    const { rows } = await this.#client.query<{ at: string | null }>({ name: 'ledger-next-expiry', text: NEXT_EXPIRY })
    const at = rows[0]?.at ?? null
    this.#nextExpiry = at === null ? undefined : BigInt(at)
  }

  #noteExpiries(transfers: readonly Transfer[]): void {
    for (const transfer of transfers) {
      if (!hasFlag(transfer.flags, TransferFlag.PENDING)) continue
      const expiry = expiresAt(transfer)
      if (expiry === undefined) continue
      if (this.#nextExpiry === undefined || expiry < this.#nextExpiry) this.#nextExpiry = expiry
    }
  }
}

/**
 * Begins a new epoch. A statement of the writer before that is still under way holds the row, so this waits for it;
 * one that comes later finds another epoch. Either way the head that is read here is the last word.
 */
async function takeOffice(client: pg.Client): Promise<Head> {
  const { rows } = await client.query<HeadRow>(TAKE_OFFICE)
  const row = rows[0]
  if (row === undefined)
    throw new Error('The database has no ledger_head: it was not migrated, or its books are in TigerBeetle.')
  return {
    epoch: BigInt(row.epoch),
    batch: BigInt(row.batch),
    clocks: {
      last: BigInt(row.last_timestamp),
      lastAccount: BigInt(row.last_account_timestamp),
      lastTransfer: BigInt(row.last_transfer_timestamp),
    },
    hash: row.hash,
  }
}

async function endQuietly(client: pg.Client): Promise<void> {
  const cut = setTimeout(() => {
    client.connection.stream.destroy()
  }, FAREWELL_MAX_MS)
  try {
    await client.end()
  } catch {
    // It was broken before; there is nothing left to end.
  } finally {
    clearTimeout(cut)
  }
}

function decideAll<T>(decide: () => T): T {
  try {
    return decide()
  } catch (error) {
    throw new DecisionError('A batch could not be decided.', { cause: error })
  }
}

function decideCall(state: State, call: Call, nowNs: bigint): Outcome {
  if (call.kind === 'accounts') return { results: createAccounts(state, call.events, nowNs) }
  const results = createTransfers(state, call.events, nowNs)
  const accounts = call.withAccounts ? touchedAccounts(state, call.events) : []
  return { results, accounts, accountsReadLater: NONE_READ_LATER }
}

/** Copies: the next call of the batch may move the originals on. */
function touchedAccounts(state: State, events: readonly Transfer[]): Account[] {
  const touched = new Map<bigint, Account>()
  for (const { id } of events) {
    const transfer = state.contents.transfers.get(id)
    if (transfer === undefined) continue
    for (const accountId of [transfer.debitAccountId, transfer.creditAccountId]) {
      const account = state.contents.accounts.get(accountId)
      if (account !== undefined) touched.set(accountId, account)
    }
  }
  return Array.from(touched.values(), (account) => ({ ...account }))
}
