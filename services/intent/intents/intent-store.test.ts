import assert from 'node:assert/strict'
import { type Pool } from 'pg'
import { testDatabase } from '../../../dev/testing.js'
import { createPool } from '../../runtime/postgres.js'
import { eventsOf } from '../events/event.js'
import { stuckIntents } from './admin-store.js'
import { authorized, type Intent, legalUpdates, rejected, settled } from './intent.js'
import { IntentStore, isUnfinished } from './intent-store.js'
import { exampleIntent, startMs } from '../test/example-intent.js'

describe('the store of intents', () => {
  let pool: Pool
  let store: IntentStore

  before(async () => {
    pool = createPool({ url: await testDatabase('intent'), max: 10, applicationName: 'test' })
    store = new IntentStore(pool, 1_000)
  })
  after(() => pool.end())

  async function events(intent: Intent): Promise<object[]> {
    const { rows } = await pool.query<{ events: object[] }>(
      'select events from outbox where intent_id = $1 order by sequence',
      [intent.id],
    )
    return rows.flatMap((row) => row.events)
  }

  /** Lets time pass for one intent. */
  async function passes(intent: Intent, seconds: number): Promise<void> {
    await pool.query(
      `update intents set resume_after = resume_after - make_interval(secs => $2),
         hold_expire_time = hold_expire_time - make_interval(secs => $2) where id = $1`,
      [intent.id, seconds],
    )
  }

  async function claim(intent: Intent): Promise<Intent[]> {
    const claimed = await Promise.all([store.claimDue(1_000), store.claimDue(1_000)])
    return claimed.flat().filter((each) => each.id === intent.id)
  }

  it('gives back what was written', async () => {
    const intent = exampleIntent({ metadata: { note: '"{},\\ ไทย 🙂', '': "'" }, amountMinor: 2n ** 63n - 1n })
    assert.deepEqual(await store.insert(intent), { kind: 'inserted', intent })
    assert.deepEqual(await store.byId(intent.id), intent)
    assert.deepEqual(await store.byRequest(intent.creator, intent.requestId), intent)
    assert.deepEqual(await store.byIds([intent.id]), [intent])
    assert.deepEqual(await store.versionsOf([intent.id]), [{ id: intent.id, version: intent.version }])
    assert.deepEqual(await events(intent), eventsOf(intent, 1))
  })

  it('gives back a rejection and a funding', async () => {
    const payer = { kind: 'account', account: 'accounts/settlement.THB' } as const
    const funding = exampleIntent({ payer, operationType: 'WALLET_FUNDING' })
    const refusal = rejected(funding, { reason: 'NO_ROUTE', message: 'There is no route.' }, startMs)
    const intent = { ...refusal, version: 1 }
    await store.insert(intent)
    assert.deepEqual(await store.byId(intent.id), intent)
    assert.deepEqual(await events(intent), eventsOf(intent, 1))
  })

  it('lets one of many equal requests in, in one batch or in many', async () => {
    const { creator, requestId } = exampleIntent()
    const others = [new IntentStore(pool, 1_000), new IntentStore(pool, 1_000)]
    const results = await Promise.all(
      [store, ...others].flatMap((each) =>
        Array.from({ length: 50 }, async () => {
          const intent = exampleIntent({ creator, requestId })
          return { intent, inserted: await each.insert(intent) }
        }),
      ),
    )
    const [won, ...more] = results.filter(({ inserted }) => inserted.kind === 'inserted')
    assert.equal(more.length, 0)
    for (const { inserted } of results) {
      if (inserted.kind === 'taken') assert.deepEqual(inserted.winner, won?.intent)
    }
  })

  it('lets one outcome in, with one event', async () => {
    const intent = exampleIntent()
    await store.insert(intent)
    const other = new IntentStore(pool, 1_000)
    const outcomes = [
      settled(intent, startMs + 1),
      settled(intent, startMs + 2),
      rejected(intent, { reason: 'INSUFFICIENT_FUNDS', message: 'Not enough.' }, startMs + 3),
    ]
    const written = await Promise.all([
      store.update(intent, outcomes[0]!),
      other.update(intent, outcomes[1]!),
      store.byId(intent.id).then(() => other.update(intent, outcomes[2]!)),
    ])
    assert.equal(written.filter(Boolean).length, 1)
    const winner = outcomes[written.indexOf(true)]!
    assert.deepEqual(await store.byId(intent.id), winner)
    assert.deepEqual(await events(intent), eventsOf(winner, 1))
  })

  it('does not update what was never written', async () => {
    const intent = exampleIntent()
    assert.equal(await store.update(intent, settled(intent, startMs)), false)
  })

  it('lets through legal moves only, whatever the caller believes', async () => {
    const isLegal = (from: string, to: string) => legalUpdates.some(([a, b]) => a === from && b === to)
    const states = [
      'VALIDATED',
      'IN_REVIEW',
      'AUTHORIZED',
      'SETTLED',
      'REJECTED',
      'FAILED',
      'CANCELLED',
      'EXPIRED',
    ] as const
    const failure = { reason: 'NO_ROUTE', message: 'There is no route.' }
    for (const from of states) {
      for (const to of states) {
        const intent = exampleIntent()
        await store.insert(intent)
        await pool.query(
          `update intents set state = $2, settled_minor = case when $2 = 'SETTLED' then amount_minor end,
             failure_reason = case when $2 in ('REJECTED', 'FAILED') then 'X' end where id = $1`,
          [intent.id, from],
        )
        const after = { ...intent, status: { state: to, failure } as Intent['status'], version: intent.version + 1 }
        const moved = await store.update(intent, { ...after, changes: settled(intent, startMs).changes })
        assert.equal(moved, isLegal(from, to), `${from} to ${to}`)
      }
    }
  })

  it('lets one of two updates in, though both are asked for in the same moment', async () => {
    const intent = exampleIntent()
    await store.insert(intent)
    const failure = { reason: 'REVIEW_REJECTED', message: 'no' }
    const both = [settled(intent, startMs), rejected(intent, failure, startMs)]
    assert.deepEqual(await Promise.all(both.map((after) => store.update(intent, after))), [true, false])
    assert.equal((await store.byId(intent.id))?.status.state, 'SETTLED')
  })

  it('hands an unfinished intent to one resumer at a time, and again when its time is over', async () => {
    const intent = exampleIntent()
    await store.insert(intent)
    assert.deepEqual(await claim(intent), [], 'it is left to its request first')
    await passes(intent, 3)
    assert.deepEqual(await claim(intent), [intent])
    assert.deepEqual(await claim(intent), [], 'it is left to who took it')
    await passes(intent, 4)
    assert.deepEqual(await claim(intent), [intent])
    await store.update(intent, settled(intent, startMs))
    await passes(intent, 3_600)
    assert.deepEqual(await claim(intent), [], 'a final intent is left alone')
  })

  it('hands over a hold when its time is over, to be released', async () => {
    const inserted = await store.insert(exampleIntent({ holdSeconds: 60 }))
    assert.ok(inserted.kind === 'inserted')
    const { intent } = inserted
    assert.ok(Math.abs((intent.holdExpireMs ?? 0) - Date.now() - 60_000) < 30_000, 'by the clock of the database')
    const held = authorized(intent, startMs)
    await store.update(intent, held)
    await passes(intent, 59)
    assert.deepEqual(await claim(intent), [])
    await passes(intent, 2)
    const [due] = await claim(intent)
    assert.deepEqual(due?.release, { kind: 'EXPIRE' })
  })

  describe('of payments that wait for a provider', () => {
    async function held(change = ''): Promise<Intent> {
      const submission = { provider: 'ipps', askedMs: undefined, reference: undefined }
      const intent = exampleIntent({ holdSeconds: 60, submission })
      await store.insert(intent)
      await store.update(intent, authorized(intent, startMs))
      await pool.query(`update intents set resume_after = now() ${change} where id = $1`, [intent.id])
      return intent
    }
    const ids = (intents: readonly Intent[]) => intents.map(({ id }) => id).sort()
    const poll = async (provider: string) => ids(await store.claimToPoll(provider, 1_000))

    it('leaves each to who has that provider, and gives it out once', async () => {
      const unasked = await held()
      const asked = await held(', provider_ask_time = now()')
      const decided = await held(', provider_ask_time = now(), capture_minor = amount_minor')
      assert.deepEqual(ids(await store.claimDue(1_000)), [decided.id])
      assert.deepEqual(await poll('qp'), [])
      assert.deepEqual(await poll('ipps'), ids([unasked, asked]))
      assert.deepEqual(await poll('ipps'), [])
      for (const intent of [unasked, asked]) await passes(intent, 4)
      assert.deepEqual(await poll('ipps'), [unasked.id])
      await passes(asked, 25)
      assert.deepEqual(await poll('ipps'), [asked.id])
    })

    /** How the database would answer what is asked. A table this small is read whole unless that is forbidden. */
    async function planOf(ask: (plans: Pool) => Promise<unknown>): Promise<string> {
      const client = await pool.connect()
      let plan = ''
      const query = async (text: string, values: unknown[]) => {
        const { rows } = await client.query(`explain (format json) ${text}`, values)
        plan = JSON.stringify(rows)
        return { rows: [] }
      }
      await client.query('begin')
      await client.query('set local enable_seqscan = off')
      await client.query('set local enable_bitmapscan = off')
      await ask({ query } as unknown as Pool)
      await client.query('rollback')
      client.release()
      return plan
    }

    it('reads none of them to find what else is unfinished', async () => {
      const plan = await planOf((plans) =>
        plans.query(`select id from intents where ${isUnfinished} and resume_after <= now() order by resume_after`),
      )
      assert.match(plan, /"Index Name":"intents_unfinished"/)
      assert.doesNotMatch(plan, /"Filter"/)
    })

    it('finds what is stuck without reading what is done', async () => {
      const plan = await planOf((plans) => stuckIntents(plans, 10))
      assert.doesNotMatch(plan, /"Seq Scan"/)
      for (const index of ['intents_unfinished', 'intents_with_provider']) assert.match(plan, new RegExp(`"${index}"`))
    })
  })
})
