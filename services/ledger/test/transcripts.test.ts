import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { testCertificates, testDatabase } from '../../../dev/testing.js'
import { assetPath } from '../../runtime/assets.js'
import { MemoryEngine } from '../memory-engine.js'
import { ReplayClock, type ReplayedLedger, replayedLedger } from '../replay/replayed-ledger.js'
import { replayOn } from '../replay/replay-files.js'
import { readScenarios } from '../replay/scenario.js'
import { TransferServiceClient } from '../replay/transfer-service-client.js'
import { TestEngine, TestLedger } from './harness.js'

const FOLDER = assetPath('services/ledger/test/transcripts')
const TOPICS = readdirSync(FOLDER).filter((file) => file.endsWith('.jsonl'))

// The moment at which the recorded server stood is of no matter, so long as it is after every imported timestamp.
const START_NS = 1_750_000_000_000_000_000n

// A cache of two accounts: almost every account of almost every batch comes from the store.
const CACHED_ACCOUNTS_MAX = 2

function inMemory(): Promise<ReplayedLedger> {
  const clock = new ReplayClock(START_NS)
  return Promise.resolve(replayedLedger(new MemoryEngine(clock), clock, () => Promise.resolve()))
}

async function inPostgres(): Promise<ReplayedLedger> {
  const clock = new ReplayClock(START_NS)
  const made = await TestEngine.start(await testDatabase('ledger'), { clock, cachedAccountsMax: CACHED_ACCOUNTS_MAX })
  return replayedLedger(made.engine, clock, () => made.stop())
}

async function throughGrpc(): Promise<ReplayedLedger> {
  const clock = new ReplayClock(START_NS)
  const made = await TestLedger.start({ clock, cachedAccountsMax: CACHED_ACCOUNTS_MAX })
  const client = new TransferServiceClient({ address: made.address, tls: (await testCertificates()).of('operator') })
  const stop = async () => {
    client.close()
    await made.stop()
  }
  return { ...replayedLedger(made.engine, clock, stop), engine: client }
}

// They set a field of TigerBeetle's wire that the contract does not have, to see it refused.
const NOT_EXPRESSIBLE = ['create_accounts/timestamp_must_be_zero', 'imported/account_rules_before_regress']

const LEDGERS: [string, () => Promise<ReplayedLedger>, readonly string[]][] = [
  ['the state machine in memory', inMemory, []],
  ['the PostgreSQL engine', inPostgres, []],
  ['the PostgreSQL engine through gRPC', throughGrpc, NOT_EXPRESSIBLE],
]

for (const [name, open, notExpressible] of LEDGERS) {
  describe(`${name} answers as the recorded server`, () => {
    let shared: ReplayedLedger
    before(async () => {
      shared = await open()
    })
    after(() => shared.stop())

    for (const topic of TOPICS) {
      for (const scenario of readScenarios(join(FOLDER, topic))) {
        it(scenario.name, async () => {
          const { kind, ...details } = await replayOn({ shared: open, empty: open }, shared, scenario)
          const expected = notExpressible.includes(scenario.name) ? 'not expressible' : 'same'
          assert.equal(kind, expected, JSON.stringify(details, undefined, 2))
        })
      }
    }
  })
}
