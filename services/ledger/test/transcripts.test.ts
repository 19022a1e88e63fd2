import { MemoryLedger } from '../state-machine/memory-ledger.js'
import { NANOSECONDS_PER_SECOND } from '../state-machine/u128.js'
import { readScenarios, type ReplayableLedger, replay } from './replay.js'

export const TOPICS = [
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

/** A ledger whose clock is its own: it moves a millisecond a reading, and jumps where the transcript waits. */
class ReplayMemoryLedger extends MemoryLedger implements ReplayableLedger {
  readonly #clock: { now: bigint }

  constructor() {
    const clock = { now: 1_750_000_000n * NANOSECONDS_PER_SECOND }
    super(() => (clock.now += 1_000_000n))
    this.#clock = clock
  }

  waitSeconds(seconds: number): void {
    this.#clock.now += BigInt(Math.ceil(seconds * 1000)) * 1_000_000n
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
