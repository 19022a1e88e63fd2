import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import pg from 'pg'
import { eventually } from '../../../dev/eventually.js'
import { testDatabase } from '../../../dev/testing.js'
import { ChangeListener } from '../change-listener.js'
import { createLogger } from '../logger.js'

/** A way to the database that refuses connections, or takes them and swallows what is said. */
async function wayTo(url: string) {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  let isRefused = false
  let isSwallowed = false
  const server = createServer((client) => {
    sockets.add(client)
    client.on('error', () => undefined)
    if (isRefused) client.destroy()
    if (isRefused || isSwallowed) return
    const upstream = connect(Number(target.port), target.hostname)
    upstream.on('error', () => client.destroy())
    client.on('close', () => upstream.destroy())
    client.pipe(upstream).pipe(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const own = new URL(url)
  own.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: own.href,
    refuse: () => {
      isRefused = true
      cut()
    },
    swallow: () => {
      isRefused = false
      isSwallowed = true
    },
    stop: () => {
      server.close()
      cut()
    },
  }
}

describe('ChangeListener', () => {
  const hourMs = 3_600_000
  const running: ChangeListener[] = []
  let url: string
  let database: pg.Client
  let records: string[]

  before(async () => {
    url = await testDatabase('rules')
    database = new pg.Client({ connectionString: url })
    await database.connect()
  })
  beforeEach(() => {
    records = []
  })
  afterEach(async () => {
    await Promise.all(running.splice(0).map((listener) => listener.stop()))
  })
  after(() => database.end())

  async function listen(refresh: () => Promise<void>, pollIntervalMs: number, from = url): Promise<void> {
    const destination = { write: (record: string) => records.push(record) }
    const log = createLogger({ name: 'test', level: 'info', destination })
    const options = { url: from, applicationName: 'test', channel: 'changes', pollIntervalMs, refresh, log }
    const listener = new ChangeListener(options)
    running.push(listener)
    await listener.start()
  }

  it('refreshes at the start and after a notification', async () => {
    let count = 0
    await listen(() => Promise.resolve(void (count += 1)), hourMs)
    assert.equal(count, 1)
    await database.query('notify changes')
    await eventually(() => count === 2)
  })

  it('refreshes at every poll, notified or not', async () => {
    let count = 0
    await listen(() => Promise.resolve(void (count += 1)), 10)
    await eventually(() => count >= 5)
  })

  it('refreshes once more, and never twice at a time, for what it hears during a refresh', async () => {
    let count = 0
    let busy = 0
    let finish: () => void = () => undefined
    await listen(async () => {
      assert.equal(busy++, 0)
      count += 1
      if (count === 2) await new Promise<void>((resolve) => (finish = resolve))
      busy -= 1
    }, hourMs)
    await database.query('notify changes')
    await eventually(() => count === 2)
    for (let index = 0; index < 5; index += 1) await database.query(`notify changes, '${index}'`)
    finish()
    await eventually(() => count >= 3)
    await database.query('notify changes')
    await eventually(() => count >= 4)
    assert.equal(busy, 0)
  })

  it('connects again when its connection is cut, and refreshes for what it missed', async () => {
    let count = 0
    await listen(() => Promise.resolve(void (count += 1)), hourMs)
    await database.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'test listener' and datname = current_database()`)
    // Once for the loss, and once for what was not heard until it was connected again.
    await eventually(() => count === 3)
    await database.query('notify changes')
    await eventually(() => count === 4)
  })

  it('goes on polling while it cannot connect, and while connecting hangs', async () => {
    const way = await wayTo(url)
    let count = 0
    await listen(() => Promise.resolve(void (count += 1)), 10, way.url)
    for (const harm of [way.refuse, way.swallow]) {
      harm()
      const before = count
      await eventually(() => count >= before + 10)
    }
    way.stop()
    assert.equal(records.length, 1, records.join())
    assert.match(records[0] ?? '', /notifications cannot be heard/)
  })

  it('says once that refreshing fails, goes on trying, and says when it works again', async () => {
    let attempts = 0
    await listen(() => {
      attempts += 1
      return attempts > 1 && attempts < 6 ? Promise.reject(new Error('away')) : Promise.resolve()
    }, 5)
    await eventually(() => attempts >= 8)
    const messages = records.map((record) => (JSON.parse(record) as { msg: string }).msg)
    assert.deepEqual(messages, ['refreshing failed', 'refreshing works again'])
  })

  it('does not start without a first refresh', async () => {
    await assert.rejects(
      listen(() => Promise.reject(new Error('away')), hourMs),
      /away/,
    )
  })
})
