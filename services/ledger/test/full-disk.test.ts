import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestPostgres } from '../../../dev/test-postgres.js'
import { testFolder, testPostgres } from '../../../dev/testing.js'
import { assertOnlyPassing, assertSettled, Cluster, makeAccounts, moreAcknowledged } from './cluster.js'
import { eventually } from './harness.js'
import { SmallDisk } from './small-disk.js'

const CALLERS = 8
const DISK_MEGABYTES = 192

describe('ledgers whose PostgreSQL has no room on its disk', function () {
  this.timeout(60_000)
  let disk: SmallDisk
  let postgres: TestPostgres
  let cluster: Cluster
  before(async () => {
    disk = await SmallDisk.mount(testFolder(), DISK_MEGABYTES)
    postgres = await testPostgres('ledger', disk.home)
    cluster = await Cluster.start(2, postgres.url)
    await makeAccounts(await cluster.client(await cluster.writer()))
  })
  after(async () => {
    await cluster.stop()
    await postgres.stop()
    await disk.unmount()
  })
  afterEach(async () => {
    for (const { process } of cluster.processes) assert.equal(process.exit, undefined, 'no ledger was restarted')
    assertOnlyPassing(cluster)
    await assertSettled(cluster, await cluster.client(await cluster.writer()))
    cluster.failures.clear()
  })
  // What the server said since the test began.
  let logStart = 0
  beforeEach(() => {
    logStart = readFileSync(postgres.logFile, 'utf8').length
  })
  const says = (word: string) => readFileSync(postgres.logFile, 'utf8').slice(logStart).includes(word)

  it('refuse what would write, read on, and write again once there is room', async () => {
    const load = await cluster.keepLoading(CALLERS)
    await moreAcknowledged(cluster, 50)
    await eventually(() => {
      disk.fill()
      return cluster.failures.size > 0
    }, 'calls are refused')
    assert.ok(says('No space left on device'))
    if (postgres.isUp && !says('PANIC')) {
      const client = await cluster.client(cluster.processes[0]!)
      const { accounts } = await client.lookupAccounts({ ids: [{ high: 0n, low: 1n }] })
      assert.equal(accounts.length, 1, 'reads go on')
    }
    disk.free()
    if (!postgres.isUp) await postgres.startAgain()
    await moreAcknowledged(cluster, 50)
    await load.stop()
  })

  it('recover when the server could not even write its log', async () => {
    const load = await cluster.keepLoading(CALLERS)
    await moreAcknowledged(cluster, 50)
    await eventually(async () => {
      disk.fill()
      await postgres
        .administer('select pg_logical_emit_message(true, $$test$$, $$test$$)', 'select pg_switch_wal()')
        .catch(() => undefined)
      return says('PANIC')
    }, 'the server gives up')
    disk.free()
    // What supervises it starts it again, if it does not itself.
    await eventually(async () => {
      if (!postgres.isUp) await postgres.startAgain()
      return postgres.answers()
    }, 'the server is up')
    await moreAcknowledged(cluster, 50)
    await load.stop()
  })
})
