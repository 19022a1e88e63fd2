import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { testFolder } from '../../../dev/testing.js'
import { Secret } from '../../runtime/secret.js'
import { fileNotifier } from '../notifications/file-notifier.js'
import type { Notification } from '../notifications/notification.js'
import { NotificationDelivery } from '../notifications/notification-delivery.js'
import { NotificationStore } from '../notifications/notification-store.js'
import { webhookNotifier } from '../notifications/webhook-notifier.js'
import { TestIdentity } from './harness.js'

const example: Notification = {
  id: '0198c0de-0000-7000-8000-0000000000aa',
  kind: 'CONTACT_CODE',
  email: new Secret('ann@example.com', 'e-mail'),
  code: new Secret('012345', 'code'),
  expireTimeMs: Date.parse('2026-11-24T10:00:00Z'),
}

describe('notifications', () => {
  let identity: TestIdentity
  beforeEach(async () => {
    identity = await TestIdentity.start()
  })
  afterEach(() => identity.stop())

  const left = async (): Promise<number> => (await identity.pool.query('select 1 from notifications')).rowCount ?? 0
  const deliveryBy = (send: (notification: Notification) => Promise<void>): NotificationDelivery => {
    const store = new NotificationStore(identity.pool, identity.parts.keyring)
    return new NotificationDelivery({ store, notifier: { send }, clock: identity.clock, log: identity.log })
  }

  it('are handed over once, and then forgotten', async () => {
    await identity.register({ email: 'ann@example.com' })
    assert.equal(await left(), 1)
    await Promise.all([identity.parts.delivery.deliver(), identity.parts.delivery.deliver()])
    assert.equal(identity.notified.length, 1)
    assert.equal(await left(), 0)
  })

  it('are tried again under the same id, later and later, when they are not taken', async () => {
    await identity.register()
    const ids: string[] = []
    const failing = deliveryBy(({ id }) => {
      ids.push(id)
      return Promise.reject(new Error('down'))
    })
    for (const waitMs of [2000, 4000, 8000]) {
      await failing.deliver()
      await failing.deliver()
      identity.clock.advance(waitMs)
    }
    assert.equal(ids.length, 3)
    await identity.parts.delivery.deliver()
    assert.deepEqual(new Set([...ids, identity.notified[0]!.id]).size, 1)
    assert.equal(await left(), 0)
  })

  it('are dropped when they are of no use any more', async () => {
    await identity.register()
    identity.clock.advance(600_000)
    await identity.parts.delivery.deliver()
    assert.deepEqual([identity.notified.length, await left()], [0, 0])
  })

  it('come to a file that only its owner reads', async () => {
    const file = join(testFolder(), 'told.jsonl')
    const notifier = fileNotifier(file)
    await notifier.send(example)
    await notifier.send({ ...example, kind: 'ALREADY_REGISTERED', code: undefined })
    assert.deepEqual(
      readFileSync(file, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
      [
        { id: example.id, kind: 'CONTACT_CODE', email: 'ann@example.com', code: '012345' },
        { id: example.id, kind: 'ALREADY_REGISTERED', email: 'ann@example.com' },
      ],
    )
    assert.equal(statSync(file).mode & 0o077, 0)
  })

  describe('by webhook', () => {
    let server: Server
    let url: string
    let answer = 204
    const received: { headers: IncomingHttpHeaders; body: string }[] = []
    const key = new Secret(Buffer.alloc(32, 5), 'key')
    before(async () => {
      server = createServer((request, response) => {
        let body = ''
        request.on('data', (chunk: Buffer) => (body += chunk.toString()))
        request.on('end', () => {
          received.push({ headers: request.headers, body })
          response.writeHead(answer, answer === 302 ? { location: url } : {}).end()
        })
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/told`
    })
    after(async () => {
      server.close()
      await once(server, 'close')
    })

    it('are signed as Standard Webhooks has it', async () => {
      await webhookNotifier({ url, key, clock: identity.clock }).send(example)
      const { headers, body } = received.at(-1)!
      assert.deepEqual(JSON.parse(body), {
        kind: 'CONTACT_CODE',
        email: 'ann@example.com',
        code: '012345',
        expireTime: '2026-11-24T10:00:00.000Z',
      })
      const timestamp = String(Math.floor(identity.clock.nowMs() / 1000))
      assert.equal(headers['webhook-timestamp'], timestamp)
      assert.equal(headers['webhook-id'], example.id)
      const mac = createHmac('sha256', Buffer.alloc(32, 5))
        .update(`${example.id}.${timestamp}.${body}`)
        .digest('base64')
      assert.equal(headers['webhook-signature'], `v1,${mac}`)
    })

    for (const status of [500, 302]) {
      it(`are not taken with status ${status}`, async () => {
        answer = status
        await assert.rejects(webhookNotifier({ url, key, clock: identity.clock }).send(example))
        answer = 204
      })
    }
  })
})
