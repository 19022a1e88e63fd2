import assert from 'node:assert/strict'
import pg from 'pg'
import { testDatabase } from '../../../dev/testing.js'
import { createLogger } from '../../runtime/logger.js'
import { TestEngine } from '../test/harness.js'
import { waitForLock } from './writer-lock.js'

const log = createLogger({ name: 'ledger-test', level: 'silent', destination: { write: () => undefined } })

/** Sessions that take the writer's lock and do nothing by themselves. */
class Sessions {
  readonly #clients: pg.Client[] = []

  async holder(url: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    await client.connect()
    this.#clients.push(client)
    await waitForLock(client, { signal: AbortSignal.timeout(1_000), log })
    return client
  }

  async end(): Promise<void> {
    for (const client of this.#clients) await client.end()
  }
}

describe("the writer's lock", () => {
  let sessions: Sessions
  const standbys: TestEngine[] = []
  beforeEach(() => {
    sessions = new Sessions()
  })
  afterEach(async () => {
    for (const engine of standbys.splice(0)) await engine.stop()
    await sessions.end()
  })
  function standBy(url: string): TestEngine {
    const standby = new TestEngine(url)
    standbys.push(standby)
    standby.engine.start()
    return standby
  }

  // The silent one comes last: that it lost the lock says that the others were looked at for longer.
  it('is taken from a session that shows no sign of life, and neither from an idle nor from a busy writer', async () => {
    const idleUrl = await testDatabase('ledger')
    const idle = await TestEngine.start(idleUrl)
    standbys.push(idle)
    const standby = standBy(idleUrl)
    const busyUrl = await testDatabase('ledger')
    const busy = await sessions.holder(busyUrl)
    const statement = busy.query('select pg_sleep(60)').catch(() => undefined)
    const busyStandby = standBy(busyUrl)

    const silentUrl = await testDatabase('ledger')
    const silent = await sessions.holder(silentUrl)
    const ended = new Promise((resolve) => silent.once('end', resolve))
    const next = standBy(silentUrl)
    await Promise.all([ended, next.becomesWriter()])
    assert.ok(idle.engine.isWriter && !standby.engine.isWriter, 'an idle writer keeps its lock')
    assert.ok(!busyStandby.engine.isWriter, 'a busy holder keeps its lock')
    await sessions.end()
    await statement
  })
})
