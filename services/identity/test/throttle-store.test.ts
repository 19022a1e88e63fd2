import assert from 'node:assert/strict'
import type pg from 'pg'
import { testDatabase } from '../../../dev/testing.js'
import { createPool } from '../../runtime/postgres.js'
import { delayMsAfter, type ThrottlePolicy } from '../throttles/throttle.js'
import { ThrottleStore } from '../throttles/throttle-store.js'

const policy: ThrottlePolicy = { kind: 'x', freeCount: 3, firstDelayMs: 1000, delayMsMax: 8000, forgetMs: 60_000 }
const admitted = (tryCount: number) => ({ kind: 'admitted', tryCount })
const refused = (retryAfterMs: number) => ({ kind: 'refused', retryAfterMs })

describe('ThrottleStore', () => {
  let pool: pg.Pool
  let store: ThrottleStore
  let subject: Buffer
  let count = 0
  before(async () => {
    pool = createPool({ url: await testDatabase('identity'), max: 20, applicationName: 'identity' })
    store = new ThrottleStore(pool)
  })
  beforeEach(() => {
    subject = Buffer.alloc(32, ++count)
  })
  after(() => pool.end())

  it('waits as throttle.ts says, try for try', async () => {
    let nowMs = 1_000_000
    for (let tries = 1; tries <= 8; tries++) {
      assert.deepEqual(await store.admit(policy, subject, nowMs), admitted(tries))
      const delayMs = delayMsAfter(tries, policy)
      if (delayMs > 0) {
        // However often: it does not become longer.
        assert.deepEqual(await store.admit(policy, subject, nowMs + delayMs - 1), refused(1))
        assert.deepEqual(await store.look(policy, subject, nowMs), refused(delayMs))
      }
      nowMs += delayMs
    }
  })

  it('admits no more at once than may', async () => {
    const all = await Promise.all(Array.from({ length: 50 }, () => store.admit(policy, subject, 1_000_000)))
    assert.equal(all.filter(({ kind }) => kind === 'admitted').length, 3)
    assert.deepEqual(
      all.find(({ kind }) => kind === 'refused'),
      refused(1000),
    )
  })

  it('counts whom and what apart', async () => {
    for (let i = 0; i < 3; i++) await store.admit(policy, subject, 0)
    assert.deepEqual(await store.admit(policy, subject, 0), refused(1000))
    assert.deepEqual(await store.admit({ ...policy, kind: 'y' }, subject, 0), admitted(1))
    assert.deepEqual(await store.admit(policy, Buffer.alloc(32, 200), 0), admitted(1))
  })

  it('counts what was done without asking', async () => {
    for (let i = 0; i < 5; i++) await store.count(policy, subject, 1_000_000)
    assert.deepEqual(await store.look(policy, subject, 1_000_000), refused(4000))
  })

  it('forgets after its time, and when it is cleared', async () => {
    for (let i = 0; i < 3; i++) await store.admit(policy, subject, 1_000_000)
    for (let i = 1; i <= 3; i++) assert.deepEqual(await store.admit(policy, subject, 1_060_000), admitted(i))
    assert.deepEqual(await store.admit(policy, subject, 1_060_000), refused(1000))
    await store.clear(policy, subject)
    assert.deepEqual(await store.admit(policy, subject, 1_060_000), admitted(1))
  })

  it('answers a refusal from memory for a second, and what another replica cleared after that', async () => {
    for (let i = 0; i < 5; i++) await store.count(policy, subject, 1_000_000)
    assert.equal(store.remembered(policy, subject, 1_000_000), undefined)
    assert.deepEqual(await store.admit(policy, subject, 1_000_000), refused(4000))
    await new ThrottleStore(pool).clear(policy, subject)
    assert.deepEqual(store.remembered(policy, subject, 1_000_999), refused(3001))
    assert.deepEqual(await store.look(policy, subject, 1_000_999), refused(3001))
    assert.equal(store.remembered(policy, subject, 1_001_000), undefined)
    assert.deepEqual(await store.admit(policy, subject, 1_001_000), admitted(1))
  })

  it('deletes what nobody tried for a month', async () => {
    const dayMs = 86_400_000
    await store.admit(policy, subject, 0)
    await store.admit(policy, Buffer.alloc(32, 201), 31 * dayMs)
    assert.ok((await store.deleteExpired(31 * dayMs + 1, 100)) >= 1)
    const { rows } = await pool.query<{ subject: Buffer }>('select subject from throttles where last_time >= $1', [
      new Date(31 * dayMs),
    ])
    assert.deepEqual(
      rows.map((row) => row.subject[0]),
      [201],
    )
  })
})
