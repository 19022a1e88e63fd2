import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { testTigerBeetle } from '../../../../dev/testing.js'
import { assetPath } from '../../../runtime/assets.js'
import { createLogger } from '../../../runtime/logger.js'
import { replayOn } from '../../replay/replay-files.js'
import { type LedgerSource, type ReplayedLedger } from '../../replay/replayed-ledger.js'
import { openCluster } from '../../replay/replayed-cluster.js'
import { readScenarios } from '../../replay/scenario.js'

const FOLDER = assetPath('services/ledger/test/transcripts')
const TOPICS = readdirSync(FOLDER).filter((file) => file.endsWith('.jsonl'))
// The longest wait of a scenario is a few seconds; a fresh one starts a server of its own.
const SCENARIO_MAX_MS = 60_000

const log = createLogger({ name: 'ledger-test', level: 'silent' })

async function open(): Promise<ReplayedLedger> {
  const cluster = await testTigerBeetle()
  const { ledger } = await openCluster({ clusterId: 0n, addresses: [cluster.address], stop: () => cluster.stop() }, log)
  return ledger
}

describe('the TigerBeetle engine answers as the recorded server', function () {
  this.timeout(SCENARIO_MAX_MS)
  const source: LedgerSource = { shared: open, empty: open }
  let shared: ReplayedLedger
  before(async () => {
    shared = await source.shared()
  })
  after(() => shared.stop())

  for (const topic of TOPICS) {
    for (const scenario of readScenarios(join(FOLDER, topic))) {
      it(scenario.name, async () => {
        const { kind, ...details } = await replayOn(source, shared, scenario)
        assert.equal(kind, 'same', JSON.stringify(details, undefined, 2))
      })
    }
  }
})
