import assert from 'node:assert/strict'
import { type Pool } from 'pg'
import { testDatabase } from '../../dev/testing.js'
import { createPool } from '../runtime/postgres.js'
import { eventOf } from './event.js'
import { type Intent, rejected, settled } from './intent.js'
import { IntentStore } from './intent-store.js'
import { exampleIntent, startMs } from './test/example-intent.js'

describe('the store of intents', () => {
  let pool: Pool
  let store: IntentStore

  before(async () => {
    pool = createPool({ url: await testDatabase('intent'), max: 10, applicationName: 'test' })
    store = new IntentStore(pool, 1_000)
  })
  after(() => pool.end())

  async function events(intent: Intent): Promise<string[]> {
    const { rows } = await pool.query<{ json: string }>(
      'select event::text as json from outbox where intent_id = $1 order by sequence',
      [intent.id],
    )
    return rows.map((row) => row.json)
  }

  it('gives back what was written', async () => {
    const intent = exampleIntent({ metadata: { note: '"{},\\ ไทย 🙂', '': "'" }, amountMinor: 2n ** 63n - 1n })
    assert.deepEqual(await store.insert(intent), { kind: 'inserted' })
    assert.deepEqual(await store.byId(intent.id), intent)
    assert.deepEqual(await store.byRequest(intent.creator, intent.requestId), intent)
    assert.deepEqual(await store.byIds([intent.id]), [intent])
    assert.deepEqual(await events(intent), [])
  })

  it('gives back a rejection and a funding', async () => {
    const payer = { kind: 'account', account: 'accounts/settlement.THB' } as const
    const funding = exampleIntent({ payer, operationType: 'WALLET_FUNDING' })
    const refusal = rejected(funding, { reason: 'NO_ROUTE', message: 'There is no route.' }, startMs)
    const intent = { ...refusal, version: 1 }
    await store.insert(intent)
    assert.deepEqual(await store.byId(intent.id), intent)
    assert.deepEqual(await events(intent), [eventOf(intent)])
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
      store.update(outcomes[0]!),
      other.update(outcomes[1]!),
      store.byId(intent.id).then(() => other.update(outcomes[2]!)),
    ])
    assert.equal(written.filter(Boolean).length, 1)
    const winner = outcomes[written.indexOf(true)]!
    assert.deepEqual(await store.byId(intent.id), winner)
    assert.deepEqual(await events(intent), [eventOf(winner)])
  })

  it('does not update what was never written', async () => {
    assert.equal(await store.update(settled(exampleIntent(), startMs)), false)
  })

  it('hands an unfinished intent to one resumer at a time, and again when its time is over', async () => {
    const intent = exampleIntent()
    await store.insert(intent)
    const due = startMs + 3_000
    const claim = async (nowMs: number) => {
      const claimed = await Promise.all([store.claimUnfinished(nowMs, 1_000), store.claimUnfinished(nowMs, 1_000)])
      return claimed.flat().filter((each) => each.id === intent.id)
    }
    assert.deepEqual(await claim(due - 1), [], 'it is left to its request first')
    assert.deepEqual(await claim(due), [intent])
    assert.deepEqual(await claim(due + 2_000), [], 'it is left to who took it')
    assert.deepEqual(await claim(due + 4_000), [intent])
    await store.update(settled(intent, due))
    assert.deepEqual(await claim(due + 3_600_000), [], 'a final intent is left alone')
  })
})
