import assert from 'node:assert/strict'
import type pg from 'pg'
import { testDatabase } from '../../../dev/testing.js'
import { createLogger } from '../../runtime/logger.js'
import { createPool } from '../../runtime/postgres.js'
import { EVENTS_MAX, UndecidedError } from '../engine.js'
import { AccountFlag } from '../state-machine/account.js'
import { AccountStatus, TransferStatus } from '../state-machine/status.js'
import { accountEvent, eventually, TestEngine, transferEvent } from '../test/harness.js'
import { Notes } from './notes.js'
import { accountRecord } from './records.js'
import { ScriptedClient } from './test/scripted-client.js'
import { TIGERBEETLE_DEFAULTS, TigerBeetleEngine, type TigerBeetleEngineOptions } from './tigerbeetle-engine.js'

const log = createLogger({ name: 'ledger-test', level: 'silent' })
const CREATED = { status: TransferStatus.CREATED, timestamp: 100n }

describe('the TigerBeetle engine on a client that misbehaves', () => {
  let url: string
  let pool: pg.Pool
  let clients: ScriptedClient[]
  let changes: boolean[]
  let engine: TigerBeetleEngine
  before(async () => {
    url = await testDatabase('ledger')
    pool = createPool({ url, max: 4, applicationName: 'ledger-test' })
  })
  after(() => pool.end())
  afterEach(() => engine.stop())

  function start(options: Partial<TigerBeetleEngineOptions> = {}): ScriptedClient {
    clients = []
    changes = []
    engine = new TigerBeetleEngine({
      ...TIGERBEETLE_DEFAULTS,
      open: () => {
        const client = new ScriptedClient()
        clients.push(client)
        return client
      },
      notes: new Notes(pool, log),
      log,
      observer: { writerChanged: (isWriter) => changes.push(isWriter), batchDecided: () => undefined },
      ...options,
    })
    engine.start()
    return clients[0]!
  }

  it('is ready when a look-up is answered, and not before', async () => {
    const client = start()
    assert.equal(engine.isWriter, false)
    client.of('lookupAccounts')[0]!.resolve([])
    await eventually(() => engine.isWriter, 'the engine is ready')
    await engine.stop()
    assert.deepEqual(changes, [true, false])
  })

  it('is not ready while the cluster is silent, and is again with the late answer', async () => {
    const client = start({ callTimeoutMs: 20, probeIntervalMs: 5 })
    client.of('lookupAccounts')[0]!.resolve([])
    await eventually(() => engine.isWriter, 'the engine is ready')
    await eventually(() => !engine.isWriter, 'the engine noticed the silence')
    const questions = client.of('lookupAccounts')
    assert.equal(questions.length, 2, 'one question at a time')
    questions[1]!.resolve([])
    await eventually(() => changes.length === 3, 'the engine is ready again')
  })

  it('is ready again on the next client after an eviction', async () => {
    const client = start({ probeIntervalMs: 5, reopenPauseMs: 0 })
    client.failAll('ERR_CLIENT_EVICTED')
    await eventually(() => clients.length === 2, 'a second client is made')
    await eventually(() => clients[1]!.asked.length > 0, 'it is asked')
    clients[1]!.asked[0]!.resolve([])
    await eventually(() => engine.isWriter, 'the engine is ready')
    assert.equal(client.destroyed, false)
  })

  it('sends a call whole, and none longer than a batch', async () => {
    const client = start()
    const events = Array.from({ length: EVENTS_MAX }, (_, index) => transferEvent(BigInt(index + 1)))
    const answer = engine.createTransfers(events)
    const [asked] = client.of('createTransfers')
    assert.equal((asked!.batch as unknown[]).length, EVENTS_MAX)
    asked!.resolve(events.map(() => CREATED))
    assert.equal((await answer).results.length, EVENTS_MAX)
    await assert.rejects(engine.createTransfers([...events, transferEvent(999n)]), RangeError)
    await assert.rejects(engine.createTransfers([transferEvent(1n, { ledger: -1 })]), RangeError)
    assert.equal(client.of('createTransfers').length, 1)
  })

  it('answers an empty call by itself', async () => {
    const client = start()
    assert.deepEqual((await engine.createTransfers([])).results, [])
    assert.deepEqual(await engine.createAccounts([]), [])
    assert.equal(client.asked.length, 1, 'the question of the start')
  })

  it('looks up in parts and answers in the order asked', async () => {
    const client = start()
    const ids = Array.from({ length: EVENTS_MAX + 1 }, (_, index) => BigInt(index + 1))
    const answer = engine.lookupAccounts(ids)
    const [, first, second] = client.of('lookupAccounts')
    second!.resolve([accountRecord(accountEvent(ids.at(-1)!))])
    first!.resolve([accountRecord(accountEvent(5n))])
    assert.deepEqual(
      (await answer).map(({ id }) => id),
      [5n, ids.at(-1)],
    )
  })

  it('remembers why an id was spent, also in another process and from a late answer', async () => {
    const client = start({ callTimeoutMs: 20 })
    const failure = { status: TransferStatus.EXCEEDS_CREDITS, timestamp: 1n }
    const broken = { status: TransferStatus.LINKED_EVENT_FAILED, timestamp: 1n }
    const call = engine.createTransfers([transferEvent(41n, { userData64: 7n }), transferEvent(42n)])
    client.of('createTransfers')[0]!.resolve([failure, broken])
    await call
    await assert.rejects(engine.createTransfers([transferEvent(43n, { userData64: 8n })]), UndecidedError)
    client.of('createTransfers')[1]!.resolve([failure])
    await eventually(async () => (await engine.lookupFailures([43n])).length === 1, 'the late failure is noted')
    const remembered = [
      { id: 43n, status: TransferStatus.EXCEEDS_CREDITS, userData64: 8n },
      { id: 41n, status: TransferStatus.EXCEEDS_CREDITS, userData64: 7n },
    ]
    assert.deepEqual(await engine.lookupFailures([43n, 42n, 41n]), remembered)
    const other = new Notes(pool, log)
    await eventually(async () => (await other.findFailures([43n])).length === 1, 'the note is written')
    assert.deepEqual(await other.findFailures([43n, 42n, 41n]), remembered)
  })

  it('tells which balances it read later', async () => {
    const client = start()
    const answer = engine.createTransfers([transferEvent(51n)], { withAccounts: true })
    client.of('createTransfers')[0]!.resolve([CREATED])
    await eventually(() => client.of('lookupAccounts').length === 2, 'the accounts are looked up')
    const plain = accountRecord(accountEvent(1n, { debitsPosted: 900n }))
    const kept = accountRecord(accountEvent(2n, { creditsPosted: 900n, flags: AccountFlag.HISTORY }))
    client.of('lookupAccounts')[1]!.resolve([plain, kept])
    await eventually(() => client.of('getAccountBalances').length === 1, 'the balance row is read')
    const [asked] = client.of('getAccountBalances')
    const { account_id: id, timestamp_min: min, timestamp_max: max } = asked!.batch as Record<string, unknown>
    assert.deepEqual([id, min, max], [2n, 100n, 100n])
    const none = { debits_pending: 0n, debits_posted: 0n, credits_pending: 0n }
    asked!.resolve([{ ...none, credits_posted: 1n, timestamp: 100n }])
    const { accounts, accountsReadLater } = await answer
    assert.deepEqual([...accountsReadLater], [1n])
    assert.deepEqual(
      accounts.map(({ debitsPosted, creditsPosted }) => [debitsPosted, creditsPosted]),
      [
        [900n, 0n],
        [0n, 1n],
      ],
    )
  })

  it('leaves the outcome unknown when an account was made but not noted', async () => {
    const broken = createPool({ url: 'postgres://127.0.0.1:1/none', max: 1, applicationName: 'ledger-test' })
    const client = start({ notes: new Notes(broken, log) })
    const answer = engine.createAccounts([accountEvent(61n)])
    client.of('createAccounts')[0]!.resolve([{ status: AccountStatus.CREATED, timestamp: 5n }])
    await eventually(() => client.of('lookupAccounts').length === 2, 'the account is looked up')
    client.of('lookupAccounts')[1]!.resolve([accountRecord(accountEvent(61n))])
    await assert.rejects(answer, { name: 'UndecidedError', reason: 'outcome_unknown' })
    await broken.end()
  })

  it('shares no database with the PostgreSQL engine', async () => {
    start()
    const used = await TestEngine.start(await testDatabase('ledger'))
    await assert.rejects(new Notes(used.pool, log).claim(), /holds the books of the PostgreSQL engine/)
    await used.stop()
    const claimed = new Notes(pool, log)
    await claimed.claim()
    await claimed.claim()
    const { rows } = await pool.query('select from ledger_head')
    assert.equal(rows.length, 0, 'without a head the other engine never becomes the writer')
  })
})
