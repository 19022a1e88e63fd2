import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { testCertificates, testDatabase } from '../../../dev/testing.js'
import { assetPath } from '../../runtime/assets.js'
import { MemoryEngine } from '../memory-engine.js'
import { ReplayClock, type ReplayedLedger, replayedLedger } from '../replay/replayed-ledger.js'
import { replayOn } from '../replay/replay-files.js'
import { readScenarios } from '../replay/scenario.js'
import { TransferServiceClient } from '../replay/transfer-service-client.js'
import { type Finding } from '../verification/check.js'
import { BEGINNING, verifyLedger } from '../verification/verify-ledger.js'
import { TestEngine, TestLedger } from './harness.js'

const FOLDER = assetPath('services/ledger/test/transcripts')
const TOPICS = readdirSync(FOLDER).filter((file) => file.endsWith('.jsonl'))

// The moment at which the recorded server stood is of no matter, so long as it is after every imported timestamp.
const START_NS = 1_750_000_000_000_000_000n

// A cache of two accounts: almost every account of almost every batch comes from the store.
const CACHED_ACCOUNTS_MAX = 2

interface OpenedLedger extends ReplayedLedger {
  /** Where its books are, when in a database. */
  readonly pool?: pg.Pool
}

function inMemory(): Promise<OpenedLedger> {
  const clock = new ReplayClock(START_NS)
  return Promise.resolve(replayedLedger(new MemoryEngine(clock), clock, () => Promise.resolve()))
}

async function inPostgres(): Promise<OpenedLedger> {
  const clock = new ReplayClock(START_NS)
  const made = await TestEngine.start(await testDatabase('ledger'), { clock, cachedAccountsMax: CACHED_ACCOUNTS_MAX })
  return { ...replayedLedger(made.engine, clock, () => made.stop()), pool: made.pool }
}

async function throughGrpc(): Promise<OpenedLedger> {
  const clock = new ReplayClock(START_NS)
  const made = await TestLedger.start({ clock, cachedAccountsMax: CACHED_ACCOUNTS_MAX })
  const client = new TransferServiceClient({ address: made.address, tls: (await testCertificates()).of('operator') })
  const stop = async () => {
    client.close()
    await made.stop()
  }
  return { ...replayedLedger(made.engine, clock, stop), engine: client, pool: made.pool }
}

/** The codes of the transcripts' accounts are no kinds, so only what says nothing of kinds is looked at. */
async function historyFindings(pool: pg.Pool): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  const from = { ...BEGINNING, phase: 'ACCOUNTS' } as const
  for await (const event of verifyLedger({ pool, namespace: 'paymesh', from, phases: ['ACCOUNTS', 'HISTORY'] })) {
    if (event.kind === 'finding') findings.push(event.finding)
  }
  return findings.filter(({ kind }) => kind === 'BALANCE_HISTORY_DIFFERS')
}

// They set a field of TigerBeetle's wire that the contract does not have, to see it refused.
const NOT_EXPRESSIBLE = ['create_accounts/timestamp_must_be_zero', 'imported/account_rules_before_regress']

const LEDGERS: [string, () => Promise<OpenedLedger>, readonly string[]][] = [
  ['the state machine in memory', inMemory, []],
  ['the PostgreSQL engine', inPostgres, []],
  ['the PostgreSQL engine through gRPC', throughGrpc, NOT_EXPRESSIBLE],
]

for (const [name, open, notExpressible] of LEDGERS) {
  describe(`${name} answers as the recorded server`, () => {
    let shared: OpenedLedger
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

    if (open !== inMemory) {
      it('and keeps balances that follow from the transfers, whatever was posted, voided, imported or expired', async () => {
        const pool = shared.pool
        assert.ok(pool !== undefined)
        const { rows } = await pool.query('select from account_balances limit 1')
        assert.equal(rows.length, 1, 'there are some')
        assert.deepEqual(await historyFindings(pool), [])
      })
    }
  })
}
