import { type Clock } from '../../runtime/clock.js'
import { type Engine } from '../engine.js'
import { QUERY_LIMIT_MAX } from '../state-machine/filters.js'

/** What a transcript asks of a ledger. */
export type ReplayedEngine = Omit<Engine, 'lookupFailures'>

/** A ledger to replay transcripts on: empty when it is made, and nobody else's. */
export interface ReplayedLedger {
  readonly engine: ReplayedEngine
  /** Lets time pass, and has what expired by then swept. */
  readonly waitSeconds: (seconds: number) => Promise<void>
  readonly stop: () => Promise<void>
}

/** An empty engine, and the ledger that is made of it. */
export interface OpenedEngine {
  readonly engine: Engine
  readonly ledger: ReplayedLedger
}

/** Where ledgers to replay on come from. */
export interface LedgerSource {
  /** Opens the one that most scenarios share. */
  shared(): Promise<ReplayedLedger>
  /** Opens an empty one, for a scenario that needs it for itself. Undefined where only one ledger is to be had. */
  readonly empty: (() => Promise<ReplayedLedger>) | undefined
}

/** There is no ledger to replay on where there should be one. The message says why, in a sentence for an operator. */
export class UnusableLedgerError extends Error {
  override readonly name = 'UnusableLedgerError'
}

/** A request as a whole asks for more than an answer holds. */
export class TooMuchDataError extends Error {
  override readonly name = 'TooMuchDataError'
}

/** The request can't be made over this transport: its messages have no place for a field. */
export class NotExpressibleError extends Error {
  override readonly name = 'NotExpressibleError'
}

/**
 * A clock that moves a millisecond a reading and jumps where a transcript waits, for engines that take their clock from
 * outside: a replay takes no longer than its work.
 */
export class ReplayClock implements Clock {
  #nowNs: bigint

  constructor(startNs: bigint) {
    this.#nowNs = startNs
  }

  nowMs(): number {
    return Number(this.nowNs() / 1_000_000n)
  }

  nowNs(): bigint {
    return (this.#nowNs += 1_000_000n)
  }

  jump(seconds: number): void {
    this.#nowNs += BigInt(Math.ceil(seconds * 1000)) * 1_000_000n
  }
}

/** A ledger to replay on, made of an engine and the clock that it reads. */
export function replayedLedger(engine: Engine, clock: ReplayClock, stop: () => Promise<void>): ReplayedLedger {
  return {
    engine: limited(engine),
    // An empty call is a batch too, and a batch begins with the sweep.
    waitSeconds: async (seconds) => {
      clock.jump(seconds)
      await engine.createTransfers([])
    },
    stop,
  }
}

/** An engine takes limits as checked; over gRPC the service checks them, and here this does. */
export function limited(engine: Engine): ReplayedEngine {
  const within = <F extends { readonly limit: number }, R>(read: (filter: F) => Promise<R>) => {
    return async (filter: F): Promise<R> => {
      if (filter.limit > QUERY_LIMIT_MAX) throw new TooMuchDataError(`a limit of ${filter.limit}`)
      return await read(filter)
    }
  }
  return {
    createAccounts: (events) => engine.createAccounts(events),
    createTransfers: (events) => engine.createTransfers(events),
    lookupAccounts: (ids) => engine.lookupAccounts(ids),
    lookupTransfers: (ids) => engine.lookupTransfers(ids),
    getAccountTransfers: within((filter) => engine.getAccountTransfers(filter)),
    getAccountBalances: within((filter) => engine.getAccountBalances(filter)),
    queryAccounts: within((filter) => engine.queryAccounts(filter)),
    queryTransfers: within((filter) => engine.queryTransfers(filter)),
  }
}
