import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type Pool } from 'pg'
import { testDatabase } from '../../../dev/testing.js'
import { systemClock } from '../../runtime/clock.js'
import { systemRandom, uuidV7 } from '../../runtime/ids.js'
import { Keyring } from '../../runtime/keyring.js'
import { createLogger } from '../../runtime/logger.js'
import { createPool } from '../../runtime/postgres.js'
import { Secret } from '../../runtime/secret.js'
import { AddressGuard } from './address-guard.js'
import { MisbehavingServer } from '../test/misbehaving-server.js'
import { until } from '../test/mesh-process.js'
import { listDeliveries, queueDeliveries, replayDelivery } from './webhook-delivery-store.js'
import { deleteEndpoint, insertEndpoint, rotateSecret } from './webhook-endpoint-store.js'
import { secretContext, signatureHeader } from './webhook-signature.js'
import { WebhookWorker, type WebhookWorkerDeps } from './webhook-worker.js'
import { retryPeriodMs, type WebhookDelivery } from './webhook.js'

const hourMs = 3_600_000
const newId = () => uuidV7(systemClock, systemRandom)

describe('the webhook worker', () => {
  const server = new MisbehavingServer()
  const keyring = new Keyring([{ id: 'k', key: new Secret(Buffer.alloc(32, 1), 'key') }])
  const logged: string[] = []
  let pool: Pool
  let nowMs = Date.UTC(2026, 0, 1)
  let worker: WebhookWorker

  before(async () => {
    pool = createPool({ url: await testDatabase('intent'), max: 10, applicationName: 'test' })
    await server.start()
  })
  beforeEach(async () => {
    await pool.query('delete from webhook_endpoints')
    server.received.length = 0
    server.openMax.clear()
    worker = newWorker()
  })
  afterEach(() => worker.stop())
  after(async () => {
    await server.stop()
    await pool.end()
  })

  function newWorker(change: Partial<WebhookWorkerDeps> = {}): WebhookWorker {
    const sender = {
      resolve: () => Promise.resolve([{ address: '127.0.0.1' }]),
      guard: new AddressGuard([{ address: '127.0.0.0', prefix: 8 }]),
      httpsOnly: false,
      timeoutMs: 5_000,
    }
    const log = createLogger({ name: 'test', level: 'trace', destination: { write: (line) => logged.push(line) } })
    return new WebhookWorker({ pool, keyring, sender, nowMs: () => nowMs, random: () => 0.5, log, ...change })
  }

  async function endpoint(path: string, key = Buffer.alloc(32, 9)): Promise<string> {
    const id = newId()
    const owner = `users/${randomUUID()}`
    const rest = { displayName: '', eventTypes: [], disabled: false, revision: 1, createTimeMs: nowMs }
    const stored = { id, owner, url: server.url(path), ...rest, overlapEndMs: undefined }
    await insertEndpoint(
      pool,
      stored,
      { creator: owner, requestId: 'r', requestHash: Buffer.alloc(0) },
      sealed(id, key),
    )
    return id
  }

  function sealed(endpointId: string, key: Buffer) {
    return { id: newId(), ...keyring.wrap(new Secret(key, 'key'), secretContext(endpointId)) }
  }

  async function queue(endpointId: string, intent: number, sequence = 1): Promise<void> {
    const intentId = `0190a000-0000-7000-8000-${String(intent).padStart(12, '0')}`
    const body = JSON.stringify({ intent, sequence })
    const eventId = `${intentId}.${sequence}`
    const eventType = 'paymesh.intent.settled.v1'
    await queueDeliveries(pool, [{ id: newId(), endpointId, eventId, eventType, intentId, sequence, body }], nowMs)
  }

  async function run(which = worker): Promise<void> {
    await which.startDue()
    await which.settled()
  }

  async function deliveries(endpointId: string): Promise<WebhookDelivery[]> {
    return await listDeliveries(pool, { endpointId, state: undefined, beforeId: undefined, countMax: 1000 })
  }

  it('sends what is due once, signed over the very bytes', async () => {
    const id = await endpoint('/ok')
    await queue(id, 1)
    await queue(id, 1)
    await run()
    await run()
    assert.equal(server.received.length, 1)
    const { headers, body } = server.received[0]!
    const timestamp = Math.floor(nowMs / 1000)
    const key = new Secret(Buffer.alloc(32, 9), 'key')
    const webhookId = 'evt_0190a000-0000-7000-8000-000000000001_1'
    assert.equal(body, '{"intent":1,"sequence":1}')
    assert.equal(headers['webhook-id'], webhookId)
    assert.equal(headers['webhook-timestamp'], String(timestamp))
    assert.equal(headers['webhook-signature'], signatureHeader([key], webhookId, timestamp, body))
    const [delivery] = await deliveries(id)
    assert.deepEqual([delivery?.state, delivery?.attempts, delivery?.lastStatus], ['DELIVERED', 1, 204])
  })

  it('signs with every secret that overlaps, and with the old one no longer than that', async () => {
    const id = await endpoint('/ok')
    await rotateSecret(pool, id, sealed(id, Buffer.alloc(32, 8)), nowMs + hourMs, 4)
    const signatures = async (intent: number) => {
      await queue(id, intent)
      await run()
      const { headers, body } = server.received.at(-1)!
      const found = String(headers['webhook-signature'])
      const [first, second] = [8, 9].map((fill) => new Secret(Buffer.alloc(32, fill), 'key'))
      const of = (keys: Secret<Buffer>[]) =>
        signatureHeader(keys, String(headers['webhook-id']), Math.floor(nowMs / 1000), body)
      return { found, both: of([first!, second!]), newest: of([first!]) }
    }
    const during = await signatures(1)
    assert.equal(during.found, during.both)
    nowMs += hourMs
    const after = await signatures(2)
    assert.equal(after.found, after.newest)
  })

  it('tries again with growing pauses, gives up after three days, and sends again when asked', async () => {
    const id = await endpoint('/500')
    const startMs = nowMs
    await queue(id, 1)
    await run()
    let [delivery] = await deliveries(id)
    assert.equal(delivery!.dueTimeMs, nowMs + 5_000)
    nowMs += 4_999
    await run()
    assert.equal(server.received.length, 1)
    while (delivery?.state === 'PENDING') {
      nowMs = delivery.dueTimeMs
      await run()
      ;[delivery] = await deliveries(id)
    }
    assert.deepEqual([delivery?.state, delivery?.lastFailure, delivery?.lastStatus], ['DEAD', 'STATUS_REFUSED', 500])
    assert.ok(nowMs - startMs <= retryPeriodMs && nowMs - startMs > retryPeriodMs - 12 * hourMs)
    const ids = new Set(server.received.map(({ headers }) => headers['webhook-id']))
    assert.equal(ids.size, 1, 'every attempt has the same id')
    const attempts = server.received.length
    assert.equal((await replayDelivery(pool, id, delivery!.id, nowMs))?.state, 'PENDING')
    await pool.query('update webhook_endpoints set url = $1', [server.url('/ok')])
    await run()
    assert.equal(server.received.length, attempts + 1)
    assert.equal((await deliveries(id))[0]?.state, 'DELIVERED')
  })

  it('keeps the order of each intent, over failures and between replicas, and no other', async () => {
    const id = await endpoint('/now')
    let failures = 6
    server.now = (response) => response.writeHead(failures-- > 0 ? 503 : 200).end()
    for (let sequence = 1; sequence <= 3; sequence += 1)
      for (const intent of [1, 2, 3, 4, 5]) await queue(id, intent, sequence)
    const other = newWorker()
    await until(async () => {
      await Promise.all([run(), run(other)])
      nowMs += 10 * 60_000
      return (await deliveries(id)).every(({ state }) => state === 'DELIVERED')
    }, 'all are delivered')
    await other.stop()
    assert.equal(server.received.length, 15 + 6)
    const sent = server.received.map(({ body }) => JSON.parse(body) as { intent: number; sequence: number })
    for (const intent of [1, 2, 3, 4, 5]) {
      const sequences = sent.filter((each) => each.intent === intent).map(({ sequence }) => sequence)
      assert.deepEqual(sequences, [...sequences].sort())
    }
  })

  it('a dead endpoint delays no other', async () => {
    const dead = await endpoint('/slow')
    const living = await endpoint('/ok')
    for (let intent = 1; intent <= 100; intent += 1) {
      await queue(dead, intent)
      await queue(living, intent)
    }
    worker.start()
    const arrived = () => server.received.filter(({ path }) => path === '/ok').length === 100
    await until(arrived, 'the living have all while the dead hold their places', 4_000)
    assert.equal(server.openMax.get('/slow'), 4)
    assert.ok(server.openMax.get('/ok')! <= 4)
    assert.deepEqual(
      (await deliveries(dead)).filter(({ state }) => state !== 'PENDING'),
      [],
    )
  })

  it('many dead endpoints leave half of the places to the living', async () => {
    const dead = await Promise.all(Array.from({ length: 40 }, () => endpoint('/500')))
    for (let intent = 1; intent <= 3; intent += 1) for (const id of dead) await queue(id, intent)
    await run()
    await run()
    await run()
    await pool.query('update webhook_endpoints set url = $1', [server.url('/slow')])
    nowMs += hourMs
    await worker.startDue()
    await worker.startDue()
    await until(() => server.openMax.get('/slow') !== undefined, 'the dead are under way')
    const living = await endpoint('/ok')
    await queue(living, 1)
    await worker.startDue()
    await until(async () => (await deliveries(living))[0]?.state === 'DELIVERED', 'the living has its event')
    assert.equal(server.openMax.get('/slow'), 32)
  })

  it('that died while it sent is replaced when its lease is over', async () => {
    const id = await endpoint('/slow')
    await queue(id, 1)
    await worker.startDue()
    await until(() => server.received.length === 1, 'it is under way')
    await worker.stop()
    assert.equal((await deliveries(id))[0]?.state, 'PENDING')
    const next = newWorker()
    await pool.query('update webhook_endpoints set url = $1', [server.url('/ok')])
    nowMs += 29_999
    await run(next)
    assert.equal(server.received.length, 1)
    nowMs += 1
    await run(next)
    assert.equal((await deliveries(id))[0]?.state, 'DELIVERED')
    assert.equal(server.received[0]!.headers['webhook-id'], server.received[1]!.headers['webhook-id'])
    await next.stop()
  })

  it('waits while an endpoint is disabled, and forgets what a deleted one was owed', async () => {
    const id = await endpoint('/ok')
    await queue(id, 1)
    await pool.query('update webhook_endpoints set disabled = true')
    await run()
    assert.deepEqual(server.received, [])
    await deleteEndpoint(pool, id)
    await queue(id, 2)
    await run()
    assert.deepEqual(await deliveries(id), [])
  })

  it('forgets what ended a month ago, and nothing that waits', async () => {
    const id = await endpoint('/ok')
    await queue(id, 1)
    await run()
    await pool.query('update webhook_endpoints set disabled = true')
    await queue(id, 2)
    nowMs += 30 * 24 * hourMs + 1
    await run()
    assert.deepEqual(
      (await deliveries(id)).map(({ state }) => state),
      ['PENDING'],
    )
  })

  it('writes no secret, no body and no answer to its log', async () => {
    const id = await endpoint('/500')
    await queue(id, 1)
    await pool.query(`update webhook_secrets set key_id = 'gone'`)
    await run()
    assert.ok(logged.some((line) => line.includes('an attempt could not be made')))
    const secrets = [Buffer.alloc(32, 9).toString('base64').slice(0, 20), 'of the inside', '"sequence"']
    for (const secret of secrets) assert.ok(!logged.some((line) => line.includes(secret)), secret)
  })
})
