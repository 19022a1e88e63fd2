import { testDatabase } from '../../../dev/testing.js'
import { type PostgresEngine } from '../postgres-engine/postgres-engine.js'
import { type AccountEvent } from '../state-machine/account.js'
import { MemoryLedger } from '../state-machine/memory-ledger.js'
import { type Transfer } from '../state-machine/transfer.js'
import { TestEngine } from './harness.js'
import { readScenarios, type ReplayableLedger, replay } from './replay.js'

const TOPICS = [
  'account_chains',
  'account_transfers',
  'balancing',
  'chains',
  'closing',
  'create_accounts',
  'create_transfers',
  'exists',
  'expiry',
  'failed_ids',
  'history',
  'imported',
  'limits',
  'lookups',
  'overflow',
  'queries',
  'random',
  'recipes',
  'two_phase',
]

/** A clock that moves a millisecond a reading, and jumps where the transcript waits. */
class ReplayClock {
  #nowNs = 1_750_000_000_000_000_000n

  nowMs(): number {
    return Number(this.nowNs() / 1_000_000n)
  }

  nowNs(): bigint {
    return (this.#nowNs += 1_000_000n)
  }

  wait(seconds: number): void {
    this.#nowNs += BigInt(Math.ceil(seconds * 1000)) * 1_000_000n
  }
}

class ReplayMemoryLedger extends MemoryLedger implements ReplayableLedger {
  readonly #clock: ReplayClock

  constructor() {
    const clock = new ReplayClock()
    super(() => clock.nowNs())
    this.#clock = clock
  }

  waitSeconds(seconds: number): void {
    this.#clock.wait(seconds)
  }
}

/** The engine without a transport. It has no filters yet, so the steps that read by filter are passed over. */
class ReplayPostgresLedger implements ReplayableLedger {
  readonly #clock: ReplayClock
  readonly #made: TestEngine
  readonly #engine: PostgresEngine

  private constructor(made: TestEngine, clock: ReplayClock) {
    this.#made = made
    this.#engine = made.engine
    this.#clock = clock
  }

  static async start(): Promise<ReplayPostgresLedger> {
    const clock = new ReplayClock()
    // A cache of two accounts: almost every account of almost every batch comes from the store.
    const made = await TestEngine.start(await testDatabase('ledger'), { clock, cachedAccountsMax: 2 })
    return new ReplayPostgresLedger(made, clock)
  }

  createAccounts(events: readonly AccountEvent[]) {
    return this.#engine.createAccounts(events)
  }

  async createTransfers(events: readonly Transfer[]) {
    return (await this.#engine.createTransfers(events)).results
  }

  lookupAccounts(ids: readonly bigint[]) {
    return this.#engine.lookupAccounts(ids)
  }

  lookupTransfers(ids: readonly bigint[]) {
    return this.#engine.lookupTransfers(ids)
  }

  /** An empty call is a batch too, and a batch begins with the sweep. */
  async waitSeconds(seconds: number): Promise<void> {
    this.#clock.wait(seconds)
    await this.#engine.createTransfers([])
  }

  stop(): Promise<void> {
    return this.#made.stop()
  }
}

describe('the state machine in memory answers as the recorded server', () => {
  for (const topic of TOPICS) {
    describe(topic, () => {
      const shared = new ReplayMemoryLedger()
      for (const scenario of readScenarios(topic)) {
        it(scenario.name, () => replay(scenario.fresh ? new ReplayMemoryLedger() : shared, scenario))
      }
    })
  }
})

describe('the PostgreSQL engine answers as the recorded server', () => {
  let shared: ReplayPostgresLedger
  before(async () => {
    shared = await ReplayPostgresLedger.start()
  })
  after(() => shared.stop())

  for (const topic of TOPICS) {
    describe(topic, () => {
      for (const scenario of readScenarios(topic)) {
        it(scenario.name, async () => {
          if (!scenario.fresh) return replay(shared, scenario)
          const fresh = await ReplayPostgresLedger.start()
          try {
            await replay(fresh, scenario)
          } finally {
            await fresh.stop()
          }
        })
      }
    })
  }
})
