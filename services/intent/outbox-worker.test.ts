import assert from 'node:assert/strict'
import { type Redis } from 'ioredis'
import { type Pool } from 'pg'
import { testDatabase, testValkeyUrl } from '../../dev/testing.js'
import { createLogger } from '../runtime/logger.js'
import { createPool } from '../runtime/postgres.js'
import { eventStream, intentChannel, type OutboxWorkerDeps, publishDue } from './outbox-worker.js'
import { connectValkey } from './valkey.js'

const log = createLogger({ name: 'test', level: 'silent' })

describe('the outbox worker', () => {
  let pool: Pool
  let valkey: Redis
  let subscriber: Redis
  let nowMs = Date.UTC(2026, 0, 1)
  let deps: OutboxWorkerDeps

  before(async () => {
    pool = createPool({ url: await testDatabase('intent'), max: 10, applicationName: 'test' })
    const url = await testValkeyUrl()
    valkey = await ready(connectValkey(url, 'test', log))
    subscriber = await ready(connectValkey(url, 'test', log))
    deps = { pool, valkey, nowMs: () => nowMs, random: () => 0, crashPoint: () => undefined, log }
  })
  beforeEach(async () => {
    await pool.query('delete from outbox')
    await valkey.del(eventStream)
  })
  after(async () => {
    valkey.disconnect()
    subscriber.disconnect()
    await pool.end()
  })

  async function ready(connection: Redis): Promise<Redis> {
    if (connection.status !== 'ready') await new Promise((resolve) => connection.once('ready', resolve))
    return connection
  }

  async function write(intent: number, sequence: number): Promise<void> {
    await pool.query('insert into outbox (intent_id, sequence, event, publish_after) values ($1, $2, $3, $4)', [
      intentId(intent),
      sequence,
      JSON.stringify({ intent, sequence }),
      new Date(nowMs),
    ])
  }

  const intentId = (number: number) => `0190a000-0000-7000-8000-0000000${number.toString(16).padStart(5, '0')}`

  async function published(): Promise<[number, number][]> {
    const entries = await valkey.xrange(eventStream, '-', '+')
    return entries.map(([, fields]) => {
      const event = JSON.parse(fields[1] ?? '') as { intent: number; sequence: number }
      return [event.intent, event.sequence]
    })
  }

  async function left(): Promise<number> {
    const { rows } = await pool.query<{ count: bigint }>('select count(*) from outbox')
    return Number(rows[0]?.count)
  }

  it('publishes to the stream and to who watches, and forgets', async () => {
    const heard = new Promise((resolve) =>
      subscriber.once('message', (...message) => {
        resolve(message)
      }),
    )
    await subscriber.subscribe(intentChannel(intentId(1)))
    await write(1, 2)
    assert.equal(await publishDue(deps), false)
    assert.deepEqual(await heard, ['intent.' + intentId(1), '{"intent":1,"sequence":2}'])
    assert.deepEqual(await published(), [[1, 2]])
    assert.equal(await left(), 0)
  })

  it('keeps the order of each intent, also between workers', async () => {
    for (let sequence = 1; sequence <= 4; sequence += 1) {
      for (let intent = 1; intent <= 20; intent += 1) await write(intent, sequence)
    }
    while ((await left()) > 0) await Promise.all([publishDue(deps), publishDue(deps), publishDue(deps)])
    const events = await published()
    assert.equal(events.length, 80, 'each once when nothing fails')
    for (let intent = 1; intent <= 20; intent += 1) {
      assert.deepEqual(
        events.filter(([of]) => of === intent).map(([, sequence]) => sequence),
        [1, 2, 3, 4],
      )
    }
  })

  it('says when there is more', async () => {
    await pool.query(
      `insert into outbox (intent_id, sequence, event, publish_after)
       select gen_random_uuid(), 1, '{"intent":0,"sequence":1}', $1 from generate_series(1, 750)`,
      [new Date(nowMs)],
    )
    assert.equal(await publishDue(deps), true)
    assert.equal(await publishDue(deps), false)
    assert.equal((await published()).length, 750)
  })

  it('keeps events that Valkey did not take, for later and for others', async () => {
    await write(1, 1)
    const away = connectValkey('redis://localhost:1', 'test', log)
    await assert.rejects(publishDue({ ...deps, valkey: away }))
    away.disconnect()
    assert.equal(await left(), 1)
    assert.equal(await publishDue(deps), false)
    assert.deepEqual(await published(), [], 'who took it has five seconds')
    nowMs += 5_000
    await publishDue(deps)
    assert.deepEqual(await published(), [[1, 1]])
  })

  it('publishes again what it could not forget: at least once', async () => {
    await write(1, 1)
    const crashPoint = (point: string) => {
      if (point === 'after-publish') throw new Error('crash')
    }
    await assert.rejects(publishDue({ ...deps, crashPoint }), /crash/)
    nowMs += 5_000
    await publishDue(deps)
    assert.deepEqual(await published(), [
      [1, 1],
      [1, 1],
    ])
    assert.equal(await left(), 0)
  })

  it('does not let one refused event hold up others', async () => {
    await write(1, 1)
    await write(2, 1)
    await valkey.set(eventStream, 'not a stream')
    await assert.rejects(publishDue(deps), /2 events/)
    await valkey.del(eventStream)
    nowMs += 5_000
    await publishDue(deps)
    assert.deepEqual(await published(), [
      [1, 1],
      [2, 1],
    ])
  })
})
