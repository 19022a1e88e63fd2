import assert from 'node:assert/strict'
import type pg from 'pg'
import { testDatabase } from '../../../dev/testing.js'
import { createLogger } from '../../runtime/logger.js'
import { createPool } from '../../runtime/postgres.js'
import { EVENTS_MAX, UndecidedError } from '../engine.js'
import { AccountFlag } from '../state-machine/account.js'
import { AccountStatus, TransferStatus } from '../state-machine/status.js'
import { TransferFlag } from '../state-machine/transfer.js'
import { accountEvent, eventually, TestEngine, transferEvent } from '../test/harness.js'
import { Notes } from './notes.js'
import { accountRecord } from './records.js'
import { requestError, ScriptedClient } from './test/scripted-client.js'
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

  /** The call that is the `count`th one to create transfers. */
  async function askedNext(client: ScriptedClient, count: number) {
    await eventually(() => client.of('createTransfers').length === count, `call ${count} is made`)
    return client.of('createTransfers')[count - 1]!
  }

  const idsOf = (batch: unknown) => (batch as { readonly id: bigint }[]).map(({ id }) => id)

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
    const asked = await askedNext(client, 1)
    assert.equal((asked.batch as unknown[]).length, EVENTS_MAX)
    asked.resolve(events.map(() => CREATED))
    assert.equal((await answer).results.length, EVENTS_MAX)
    await assert.rejects(engine.createTransfers([...events, transferEvent(999n)]), RangeError)
    await assert.rejects(engine.createTransfers([transferEvent(1n, { ledger: -1 })]), RangeError)
    assert.equal(client.of('createTransfers').length, 1)
  })

  it('makes one call of those that come in one turn, and shares its answer out', async () => {
    const client = start()
    const chain = [transferEvent(71n, { flags: TransferFlag.LINKED }), transferEvent(72n)]
    const answers = [engine.createTransfers(chain), engine.createTransfers([transferEvent(73n)])]
    const asked = await askedNext(client, 1)
    assert.deepEqual(idsOf(asked.batch), [71n, 72n, 73n])
    const refused = { status: TransferStatus.EXISTS, timestamp: 3n }
    asked.resolve([CREATED, CREATED, refused])
    const [first, second] = await Promise.all(answers)
    assert.deepEqual([first!.results.length, second!.results], [2, [refused]])
    const lost = [engine.createTransfers([transferEvent(74n)]), engine.createTransfers([transferEvent(75n)])]
    ;(await askedNext(client, 2)).reject(requestError('ERR_CLIENT_CLOSED'))
    for (const outcome of await Promise.allSettled(lost)) {
      assert.ok(outcome.status === 'rejected' && outcome.reason instanceof UndecidedError)
      assert.equal(outcome.reason.reason, 'outcome_unknown')
    }
  })

  it('merges no call that others would change (an open chain, imported events, a full batch), nor lets one overtake', async () => {
    const client = start()
    const open = [transferEvent(81n, { flags: TransferFlag.LINKED })]
    const imported = [transferEvent(82n, { flags: TransferFlag.IMPORTED, timestamp: 1n })]
    const long = Array.from({ length: 200 }, (_, index) => transferEvent(1000n + BigInt(index)))
    const longer = Array.from({ length: 200 }, (_, index) => transferEvent(2000n + BigInt(index)))
    const calls = [[transferEvent(83n)], open, imported, long, [transferEvent(84n)], longer]
    const answers = calls.map((events) => engine.createTransfers(events))
    await askedNext(client, 5)
    const asked = client.of('createTransfers').map(({ batch }) => idsOf(batch))
    const ids = (events: readonly { readonly id: bigint }[]) => events.map(({ id }) => id)
    assert.deepEqual(asked, [[83n], ids(open), ids(imported), [...ids(long), 84n], ids(longer)])
    for (const call of client.of('createTransfers')) call.resolve(idsOf(call.batch).map(() => CREATED))
    assert.deepEqual(
      (await Promise.all(answers)).map(({ results }) => results.length),
      calls.map(({ length }) => length),
    )
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
    ;(await askedNext(client, 1)).resolve([failure, broken])
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
    ;(await askedNext(client, 1)).resolve([CREATED])
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
