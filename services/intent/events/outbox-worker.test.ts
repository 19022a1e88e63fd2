import assert from 'node:assert/strict'
import { type Redis } from 'ioredis'
import { type Pool } from 'pg'
import { testDatabase, testValkeyUrl } from '../../../dev/testing.js'
import { createLogger } from '../../runtime/logger.js'
import { createPool } from '../../runtime/postgres.js'
import { eventStream, intentChannel, type OutboxWorkerDeps, publishDue } from './outbox-worker.js'
import { replayDead } from './outbox-store.js'
import { connectValkey } from '../../runtime/valkey.js'

const log = createLogger({ name: 'test', level: 'silent' })

const noFanOut = () => Promise.resolve()

describe('the outbox worker', () => {
  let pool: Pool
  let valkey: Redis
  let subscriber: Redis
  let deps: OutboxWorkerDeps

  before(async () => {
    pool = createPool({ url: await testDatabase('intent'), max: 10, applicationName: 'test' })
    const url = await testValkeyUrl()
    valkey = await ready(connectValkey(url, 'test', log))
    subscriber = await ready(connectValkey(url, 'test', log))
    deps = { pool, valkey, fanOut: noFanOut, random: () => 0, crashPoint: () => undefined, log }
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
    await pool.query('insert into outbox (intent_id, sequence, events, publish_after) values ($1, $2, $3, now())', [
      intentId(intent),
      sequence,
      JSON.stringify([{ intent, sequence }]),
    ])
  }

  /** Lets leases end. */
  async function wait(): Promise<void> {
    await pool.query('update outbox set publish_after = now()')
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
      `insert into outbox (intent_id, sequence, events, publish_after)
       select gen_random_uuid(), 1, '[{"intent":0,"sequence":1}]', now() from generate_series(1, 750)`,
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
    await wait()
    await publishDue(deps)
    assert.deepEqual(await published(), [[1, 1]])
  })

  it('publishes again what it could not forget: at least once', async () => {
    await write(1, 1)
    const crashPoint = (point: string) => {
      if (point === 'after-publish') throw new Error('crash')
    }
    await assert.rejects(publishDue({ ...deps, crashPoint }), /crash/)
    await wait()
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
    await assert.rejects(publishDue(deps), /2 writes/)
    await valkey.del(eventStream)
    await wait()
    await publishDue(deps)
    assert.deepEqual(await published(), [
      [1, 1],
      [2, 1],
    ])
  })

  it('tells each event of a write, and an intent that waits behind one', async () => {
    await pool.query(
      'insert into outbox (intent_id, sequence, events, publish_after) values ($1, 1, $2, now()), ($1, 2, $3, now())',
      [intentId(1), '[{"intent":1,"sequence":1}]', '[{"intent":1,"sequence":2},{"intent":1,"sequence":3}]'],
    )
    await publishDue(deps)
    assert.deepEqual(await published(), [
      [1, 1],
      [1, 2],
      [1, 3],
    ])
  })

  it('gives up what is refused again and again, keeps what follows, and replays both in order', async () => {
    for (const sequence of [1, 2]) await write(1, sequence)
    await valkey.set(eventStream, 'not a stream')
    const deadText = 'select sequence from outbox where dead_time is not null'
    const dead = async () => (await pool.query<{ sequence: number }>(deadText)).rows
    for (let round = 1; round <= 12; round += 1) {
      assert.deepEqual(await dead(), [])
      await assert.rejects(publishDue(deps), /2 writes/)
      await wait()
    }
    assert.deepEqual(await dead(), [{ sequence: 1 }])
    await valkey.del(eventStream)
    assert.equal(await publishDue(deps), false)
    assert.deepEqual(await published(), [], 'the order holds back what follows')
    assert.equal(await replayDead(pool, intentId(2)), 0)
    assert.equal(await replayDead(pool, intentId(1)), 1)
    await wait()
    await publishDue(deps)
    assert.deepEqual(await published(), [
      [1, 1],
      [1, 2],
    ])
  })

  it('does not give up because Valkey is away', async () => {
    await write(1, 1)
    const away = connectValkey('redis://localhost:1', 'test', log)
    for (let round = 1; round <= 15; round += 1) {
      await assert.rejects(publishDue({ ...deps, valkey: away }))
      await wait()
    }
    away.disconnect()
    await publishDue(deps)
    assert.deepEqual(await published(), [[1, 1]])
  })
})
