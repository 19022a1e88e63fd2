import assert from 'node:assert/strict'
import { testDatabase } from '../../../dev/testing.js'
import { AccountStatus, TransferStatus } from '../state-machine/status.js'
import { TransferFlag } from '../state-machine/transfer.js'
import { Bystander, undecided } from './bystander.js'
import { accountEvent, eventually, TestEngine, transferEvent } from './harness.js'
import { verifyBooks } from './verify.js'

describe('the PostgreSQL engine when things fail', () => {
  let url: string
  let made: TestEngine
  let bystander: Bystander
  beforeEach(async () => {
    url = await testDatabase('ledger')
    made = await TestEngine.start(url, { queuedEventsMax: 100 })
    bystander = await Bystander.connect(url)
    await made.engine.createAccounts([accountEvent(1n), accountEvent(2n), accountEvent(3n)])
  })
  afterEach(async () => {
    await bystander.client.end()
    await made.stop()
  })

  async function epoch(): Promise<number> {
    const { rows } = await bystander.client.query<{ epoch: string }>('select epoch::text from ledger_head')
    return Number(rows[0]?.epoch)
  }

  /** Cuts the writer's connection and waits for its next term, which may begin before anybody saw the last one end. */
  async function cutAndRecover(): Promise<void> {
    const before = await epoch()
    await bystander.cutWriter()
    await eventually(async () => (await epoch()) > before, 'the next term begins')
    await made.becomesWriter()
  }

  it('says that the outcome is unknown when its connection breaks under a batch, and recovers by itself', async () => {
    const events = [transferEvent(10n), transferEvent(11n)]
    await bystander.holdHead()
    const call = undecided(made.engine.createTransfers(events))
    await bystander.batchWaits()
    await bystander.cutWriter()
    assert.equal(await call, 'outcome_unknown')
    await bystander.releaseHead()

    await made.becomesWriter()
    const { results } = await made.engine.createTransfers(events)
    assert.deepEqual(
      results.map(({ status }) => status),
      [TransferStatus.CREATED, TransferStatus.CREATED],
    )
    await verifyBooks(made.pool)
  })

  it('settles by the same ids what was written before its connection broke', async () => {
    const events = [transferEvent(10n, { amount: 5n })]
    await made.engine.createTransfers(events)
    await cutAndRecover()
    const { results } = await made.engine.createTransfers(events)
    assert.equal(results[0]?.status, TransferStatus.EXISTS)
    const [account] = await made.engine.lookupAccounts([1n])
    assert.equal(account?.debitsPosted, 5n)
  })

  it('refuses more than its queue holds at once, and decides what it took', async () => {
    await bystander.holdHead()
    const underWay = made.engine.createTransfers([transferEvent(10n)])
    await bystander.batchWaits()
    const calls = Array.from({ length: 150 }, (_, i) => made.engine.createTransfers([transferEvent(100n + BigInt(i))]))
    const outcomes = Promise.all(calls.map(undecided))
    assert.equal(made.engine.queuedEvents, 100)
    await bystander.releaseHead()
    const counts = (await outcomes).reduce<Record<string, number>>((sum, o) => ({ ...sum, [o]: (sum[o] ?? 0) + 1 }), {})
    assert.deepEqual(counts, { decided: 100, overloaded: 50 })
    await underWay
    const [account] = await made.engine.lookupAccounts([1n])
    assert.equal(account?.debitsPosted, 101n)
    await verifyBooks(made.pool)
  })

  it('passes over calls whose caller is gone before their turn', async () => {
    await bystander.holdHead()
    const underWay = made.engine.createTransfers([transferEvent(10n)])
    await bystander.batchWaits()
    const caller = new AbortController()
    const gone = undecided(made.engine.createTransfers([transferEvent(11n)], { signal: caller.signal }))
    caller.abort()
    await bystander.releaseHead()
    assert.equal(await gone, 'abandoned')
    await underWay
    assert.deepEqual(await made.engine.lookupTransfers([11n]), [])
  })

  it('lets the culprit of a batch that cannot be written fail alone', async () => {
    await made.pool.query('alter table transfers add constraint no_thirteen check (amount <> 13)')
    await bystander.holdHead()
    const underWay = made.engine.createTransfers([transferEvent(10n)])
    await bystander.batchWaits()
    const good = Array.from({ length: 9 }, (_, i) => made.engine.createTransfers([transferEvent(20n + BigInt(i))]))
    const bad = made.engine.createTransfers([transferEvent(30n), transferEvent(31n, { amount: 13n })])
    const alsoGood = made.engine.createTransfers([transferEvent(40n)])
    const refused = assert.rejects(bad, { constraint: 'no_thirteen' })
    await bystander.releaseHead()
    await refused
    await Promise.all([underWay, ...good, alsoGood])
    const [account] = await made.engine.lookupAccounts([1n])
    assert.equal(account?.debitsPosted, 11n)
    assert.deepEqual(await made.engine.lookupTransfers([30n, 31n]), [])
    assert.ok(made.engine.isWriter)
    await verifyBooks(made.pool)
  })

  it('lets a call fail alone that a damaged counter makes impossible, and stays the writer', async () => {
    const flags = TransferFlag.PENDING
    await made.engine.createTransfers([transferEvent(10n, { flags, amount: 7n })])
    await made.pool.query('update accounts set debits_pending = 0')
    // A new term begins with nothing in memory.
    await cutAndRecover()
    const post = { pendingId: 10n, amount: 7n, flags: TransferFlag.POST_PENDING_TRANSFER, ledger: 0, code: 0 }
    const bad = made.engine.createTransfers([transferEvent(11n, { ...post, debitAccountId: 0n, creditAccountId: 0n })])
    const good = made.engine.createTransfers([transferEvent(12n, { creditAccountId: 3n })])
    await assert.rejects(bad, { name: 'DecisionError' })
    assert.equal((await good).results[0]?.status, TransferStatus.CREATED)
    assert.ok(made.engine.isWriter)
    assert.deepEqual(await made.engine.lookupTransfers([11n]), [])
  })

  it('gives the lock back when it is told to stop while it takes office', async () => {
    await made.engine.stop()
    const stopped = new TestEngine(url)
    await bystander.holdHead()
    stopped.engine.start()
    await bystander.batchWaits()
    const stop = stopped.engine.stop()
    await bystander.releaseHead()
    await stop
    await stopped.pool.end()
    const next = await TestEngine.start(url)
    await next.stop()
  })

  it('does not take office again and again at once on a store that refuses every batch', async () => {
    await bystander.client.query(
      `create function refuse() returns trigger language plpgsql as $$ begin
        raise exception 'no room' using errcode = '53100'; end $$`,
    )
    await bystander.client.query('create trigger refuse before insert on journal execute function refuse()')
    const first = await epoch()
    const started = performance.now()
    let id = 100n
    await eventually(async () => {
      await undecided(made.engine.createTransfers([transferEvent((id += 1n))]))
      return (await epoch()) >= first + 4
    }, 'four more terms')
    // Timers may be a millisecond early.
    assert.ok(performance.now() - started >= 3 * 245, 'with a pause between each two')
  })

  it('writes nothing once another writer has begun, even while it believes to hold the lock', async () => {
    await made.engine.createTransfers([transferEvent(10n)])
    await bystander.client.query('update ledger_head set epoch = epoch + 1')
    assert.equal(await undecided(made.engine.createTransfers([transferEvent(11n)])), 'not_writer')
    assert.deepEqual(await made.engine.lookupTransfers([11n]), [])
    await made.becomesWriter()
    const { results } = await made.engine.createTransfers([transferEvent(11n)])
    assert.equal(results[0]?.status, TransferStatus.CREATED)
    await verifyBooks(made.pool)
  })

  it('does not answer from what it believes once another writer has begun, though nothing is to be written', async () => {
    await made.engine.createTransfers([transferEvent(10n)])
    await bystander.client.query('update ledger_head set epoch = epoch + 1')
    const refusedAnyway = transferEvent(11n, { ledger: 2 })
    assert.equal(await undecided(made.engine.createTransfers([refusedAnyway])), 'not_writer')
    await made.becomesWriter()
    const { results } = await made.engine.createTransfers([refusedAnyway])
    assert.equal(results[0]?.status, TransferStatus.TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS)
  })

  it('decides a batch again that holds a known transfer among new ones and new accounts', async () => {
    await made.engine.createTransfers([transferEvent(10n, { amount: 5n })])
    // Spends id 11: there is no account 99.
    await made.engine.createTransfers([transferEvent(11n, { creditAccountId: 99n })])
    await bystander.holdHead()
    const underWay = made.engine.createTransfers([transferEvent(12n)])
    await bystander.batchWaits()
    const account = made.engine.createAccounts([accountEvent(99n)])
    const calls = [10n, 11n, 13n].map((id) => made.engine.createTransfers([transferEvent(id, { amount: 5n })]))
    await bystander.releaseHead()
    await underWay
    assert.equal((await account)[0]?.status, AccountStatus.CREATED)
    const statuses = (await Promise.all(calls)).map(({ results }) => results[0]?.status)
    assert.deepEqual(statuses, [TransferStatus.EXISTS, TransferStatus.ID_ALREADY_FAILED, TransferStatus.CREATED])
    const [one, made99] = await made.engine.lookupAccounts([1n, 99n])
    assert.equal(one?.debitsPosted, 11n)
    assert.equal(made99?.id, 99n)
    await verifyBooks(made.pool)
  })

  it('refuses calls while the database is read-only, and goes on when it is not any more', async () => {
    await bystander.client.query('alter role current_user set default_transaction_read_only = on')
    try {
      await bystander.cutWriter()
      await eventually(() => !made.engine.isWriter, 'the engine notices')
      assert.equal(await undecided(made.engine.createTransfers([transferEvent(10n)])), 'not_writer')
    } finally {
      await bystander.client.query('alter role current_user reset default_transaction_read_only')
    }
    await made.becomesWriter()
    await made.engine.createTransfers([transferEvent(10n)])
  })

  it('sweeps holds by itself when their time is over', async () => {
    const flags = TransferFlag.PENDING
    await made.engine.createTransfers([transferEvent(10n, { flags, amount: 7n, timeoutSeconds: 1 })])
    const [held] = await made.engine.lookupAccounts([1n])
    assert.equal(held?.debitsPending, 7n)
    await eventually(async () => {
      const [account] = await made.engine.lookupAccounts([1n])
      return account?.debitsPending === 0n
    }, 'the hold is swept')
    await verifyBooks(made.pool)
  })

  it('hands over when it stops', async () => {
    const standby = new TestEngine(url)
    standby.engine.start()
    try {
      assert.equal(await undecided(standby.engine.createTransfers([transferEvent(10n)])), 'not_writer')
      await made.engine.createTransfers([transferEvent(10n)])
      await made.engine.stop()
      await standby.becomesWriter()
      const { results } = await standby.engine.createTransfers([transferEvent(10n), transferEvent(11n)])
      assert.deepEqual(
        results.map(({ status }) => status),
        [TransferStatus.EXISTS, TransferStatus.CREATED],
      )
      await verifyBooks(standby.pool)
    } finally {
      await standby.stop()
    }
  })

  it('keeps no more accounts in memory than it is told to, and still knows all', async () => {
    const small = new TestEngine(url, { cachedAccountsMax: 10 })
    await made.engine.stop()
    small.engine.start()
    try {
      await small.becomesWriter()
      const ids = Array.from({ length: 100 }, (_, index) => 1000n + BigInt(index))
      for (const id of ids) await small.engine.createAccounts([accountEvent(id)])
      assert.ok(small.engine.cachedAccounts <= 10)
      for (const id of ids) {
        const event = transferEvent(id, { debitAccountId: 1n, creditAccountId: id })
        const { results } = await small.engine.createTransfers([event])
        assert.equal(results[0]?.status, TransferStatus.CREATED)
      }
      await verifyBooks(small.pool)
    } finally {
      await small.stop()
    }
  })
})
