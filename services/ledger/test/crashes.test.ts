import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { type TestPostgres } from '../../../dev/test-postgres.js'
import { testPostgres } from '../../../dev/testing.js'
import { Asset } from '../../../gen/paymesh/ledger/v1/asset.js'
import { assertOnlyPassing, assertSettled, Cluster, makeAccounts, moreAcknowledged } from './cluster.js'
import { eventually, failureOf } from './harness.js'
import { type LedgerProcess } from './ledger-process.js'

const CALLERS = 8

/** Makes the accounts and has callers post chains; resolves when the load is under way. */
async function loaded(cluster: Cluster): Promise<{ stop(): Promise<void> }> {
  await makeAccounts(await cluster.client(await cluster.writer()))
  const load = await cluster.keepLoading(CALLERS)
  await moreAcknowledged(cluster, 50)
  return load
}

function freeze({ process: { pid } }: LedgerProcess, still: boolean): void {
  process.kill(pid, still ? 'SIGSTOP' : 'SIGCONT')
}

describe('a writer that is frozen', function () {
  this.timeout(60_000)
  let cluster: Cluster
  afterEach(() => cluster.stop())

  it('is replaced within seconds, and is a standby when it wakes', async () => {
    cluster = await Cluster.start(2)
    const load = await loaded(cluster)
    const writer = await cluster.writer()
    const standby = cluster.processes.find((one) => one !== writer)!
    // Its callers wait; what they get when it wakes must not be stale.
    freeze(writer, true)
    const frozenMs = performance.now()
    try {
      await eventually(() => standby.isWriter(), 'the standby takes over', 15_000)
      const replacedMs = performance.now() - frozenMs
      assert.ok(replacedMs > 4_000, 'a writer is given a few seconds')
      await moreAcknowledged(cluster, 50)
    } finally {
      freeze(writer, false)
    }
    await eventually(async () => !(await writer.isWriter()), 'the one that was frozen stands by')
    await moreAcknowledged(cluster, 50)
    await load.stop()
    assert.equal(await standby.isWriter(), true)
    assertOnlyPassing(cluster)
    await assertSettled(cluster, await cluster.client(standby))
  })
})

describe('ledgers whose PostgreSQL fails', function () {
  this.timeout(60_000)
  const ROUNDS = 5
  let postgres: TestPostgres
  let cluster: Cluster
  beforeEach(async () => {
    postgres = await testPostgres('ledger')
    cluster = await Cluster.start(2, postgres.url)
  })
  afterEach(async () => {
    await cluster.stop()
    await postgres.stop()
  })

  it('recover by themselves from crash after crash, and lose nothing that was acknowledged', async () => {
    const load = await loaded(cluster)
    for (let round = 1; round <= ROUNDS; round++) {
      await postgres.crash()
      await postgres.startAgain()
      await moreAcknowledged(cluster, 50 * round)
    }
    await load.stop()
    for (const { process } of cluster.processes) assert.equal(process.exit, undefined, 'no ledger was restarted')
    assertOnlyPassing(cluster)
    await assertSettled(cluster, await cluster.client(await cluster.writer()))
  })

  it('refuse what would write while it is read-only, read on, and write again by themselves', async () => {
    const load = await loaded(cluster)
    const [process] = cluster.processes
    const client = await cluster.client(process!)
    await postgres.administer('alter system set default_transaction_read_only = on', 'select pg_reload_conf()')
    await eventually(() => cluster.failures.has('UNAVAILABLE NOT_WRITER'), 'calls are refused')
    const { accounts } = await client.lookupAccounts({ ids: [{ high: 0n, low: 1n }] })
    assert.equal(accounts.length, 1)
    const admin = await cluster.admin(process!)
    const asset = Asset.fromPartial({ assetCode: 'THB', scale: 2 })
    const code = status.UNAVAILABLE
    const failure = await failureOf(admin.createAsset({ asset }))
    assert.deepEqual([failure.code, failure.reason], [code, 'DEPENDENCY_UNAVAILABLE'])

    await postgres.administer('alter system reset default_transaction_read_only', 'select pg_reload_conf()')
    await moreAcknowledged(cluster, 50)
    await load.stop()
    await admin.createAsset({ asset })
    assertOnlyPassing(cluster)
    await assertSettled(cluster, await cluster.client(await cluster.writer()))
  })
})
