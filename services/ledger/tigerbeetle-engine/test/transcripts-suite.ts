import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { assetPath } from '../../../runtime/assets.js'
import { replayScenario } from '../../replay/replay-scenario.js'
import { limited, type ReplayedLedger } from '../../replay/replayed-ledger.js'
import { readScenarios } from '../../replay/scenario.js'
import { TigerBeetleUnderTest } from './tigerbeetle-under-test.js'

const FOLDER = assetPath('services/ledger/test/transcripts')
const TOPICS = readdirSync(FOLDER).filter((file) => file.endsWith('.jsonl'))
// The longest wait of a scenario is a few seconds; a fresh one starts a server of its own.
const SCENARIO_MAX_MS = 60_000

/** The server has a clock of its own, so a wait is a wait here. */
async function open(): Promise<ReplayedLedger> {
  const made = await TigerBeetleUnderTest.start()
  return {
    engine: limited(made.engine),
    waitSeconds: (seconds) => delay(seconds * 1000),
    stop: () => made.stop(),
  }
}

describe('the TigerBeetle engine answers as the recorded server', function () {
  this.timeout(SCENARIO_MAX_MS)
  let shared: ReplayedLedger
  before(async () => {
    shared = await open()
  })
  after(() => shared.stop())

  for (const topic of TOPICS) {
    for (const scenario of readScenarios(join(FOLDER, topic))) {
      it(scenario.name, async () => {
        const ledger = scenario.fresh ? await open() : shared
        try {
          const { kind, ...details } = await replayScenario(ledger, scenario)
          assert.equal(kind, 'same', JSON.stringify(details, undefined, 2))
        } finally {
          if (scenario.fresh) await ledger.stop()
        }
      })
    }
  }
})
