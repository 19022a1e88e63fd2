import assert from 'node:assert/strict'
import pg from 'pg'
import { eventually } from '../../../dev/eventually.js'
import { testDatabase } from '../../../dev/testing.js'
import { ChangeListener } from '../change-listener.js'
import { createLogger } from '../logger.js'

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

  async function listen(refresh: () => Promise<void>, pollIntervalMs: number): Promise<void> {
    const destination = { write: (record: string) => records.push(record) }
    const log = createLogger({ name: 'test', level: 'info', destination })
    const options = { url, applicationName: 'test', channel: 'changes', pollIntervalMs, refresh, log }
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
    await eventually(() => count === 2)
    await database.query('notify changes')
    await eventually(() => count === 3)
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
