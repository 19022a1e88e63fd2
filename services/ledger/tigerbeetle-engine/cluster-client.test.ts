import assert from 'node:assert/strict'
import { createLogger } from '../../runtime/logger.js'
import { UndecidedError, type UndecidedReason } from '../engine.js'
import { eventually } from '../test/harness.js'
import { type ClusterCall, ClusterClient, type ClusterOptions } from './cluster-client.js'
import { requestError, ScriptedClient } from './test/scripted-client.js'

const log = createLogger({ name: 'ledger-test', level: 'silent' })
const LONG_MS = 60_000

interface Made {
  readonly cluster: ClusterClient
  /** Every client that was opened. */
  readonly clients: ScriptedClient[]
}

function make(options: Partial<ClusterOptions> = {}): Made {
  const clients: ScriptedClient[] = []
  const cluster = new ClusterClient({
    open: () => {
      const client = new ScriptedClient()
      clients.push(client)
      return client
    },
    callTimeoutMs: LONG_MS,
    eventsInFlightMax: 10,
    reopenPauseMs: 0,
    log,
    ...options,
  })
  cluster.start()
  return { cluster, clients }
}

function lookup(id: bigint, more: Partial<ClusterCall<readonly unknown[]>> = {}): ClusterCall<readonly unknown[]> {
  return { weight: 1, run: (client) => client.lookupAccounts([id]), ...more }
}

async function assertUndecided(call: Promise<unknown>, reason: UndecidedReason): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof UndecidedError, String(error))
    assert.equal(error.reason, reason)
    return true
  })
}

describe('the client of a TigerBeetle cluster', () => {
  it('answers what the cluster answers', async () => {
    const { cluster, clients } = make()
    const answer = cluster.call(lookup(7n))
    clients[0]!.asked[0]!.resolve(['found'])
    assert.deepEqual(await answer, ['found'])
    assert.equal(cluster.eventsInFlight, 0)
    cluster.stop()
  })

  it('says of a call without an answer that its outcome is unknown, and still tells of a late answer', async () => {
    const { cluster, clients } = make({ callTimeoutMs: 10 })
    const late: unknown[] = []
    const answer = cluster.call(lookup(7n, { weight: 4, answeredLate: (found) => late.push(found) }))
    await assertUndecided(answer, 'outcome_unknown')
    assert.equal(cluster.eventsInFlight, 4, 'it is still under way')
    clients[0]!.asked[0]!.resolve(['at last'])
    await eventually(() => late.length > 0, 'the late answer is told')
    assert.deepEqual(late, [['at last']])
    assert.equal(cluster.eventsInFlight, 0)
    cluster.stop()
  })

  it('sends no more than its bound while nothing is answered', async () => {
    const { cluster, clients } = make({ callTimeoutMs: 10 })
    await assertUndecided(cluster.call(lookup(1n, { weight: 10 })), 'outcome_unknown')
    await assertUndecided(cluster.call(lookup(2n)), 'overloaded')
    assert.equal(clients[0]!.asked.length, 1)
    const question = cluster.call(lookup(3n, { weight: 0 }))
    assert.equal(clients[0]!.asked.length, 2, 'whether the cluster answers may always be asked')
    clients[0]!.asked[1]!.resolve([])
    await question
    cluster.stop()
  })

  it('sends nothing for a caller who is gone', async () => {
    const { cluster, clients } = make()
    await assertUndecided(cluster.call(lookup(1n, { signal: AbortSignal.abort() })), 'abandoned')
    assert.equal(clients[0]!.asked.length, 0)
    cluster.stop()
  })

  it('after an eviction goes on with a new client, and never destroys the evicted one', async () => {
    const { cluster, clients } = make()
    const calls = [cluster.call(lookup(1n)), cluster.call(lookup(2n))]
    clients[0]!.failAll('ERR_CLIENT_EVICTED')
    for (const call of calls) await assertUndecided(call, 'outcome_unknown')
    const next = cluster.call(lookup(3n))
    assert.equal(clients.length, 2)
    clients[1]!.asked[0]!.resolve(['found'])
    assert.deepEqual(await next, ['found'])
    cluster.stop()
    assert.deepEqual(
      clients.map(({ destroyed }) => destroyed),
      [false, true],
    )
  })

  it('does not destroy an evicted client at the end either', async () => {
    const { cluster, clients } = make()
    const call = cluster.call(lookup(1n))
    clients[0]!.failAll('ERR_CLIENT_RELEASE_TOO_LOW')
    await assertUndecided(call, 'outcome_unknown')
    cluster.stop()
    assert.equal(clients[0]!.destroyed, false)
  })

  it('makes no new client before the pause is over', async () => {
    const { cluster, clients } = make({ reopenPauseMs: LONG_MS })
    const call = cluster.call(lookup(1n))
    clients[0]!.failAll('ERR_CLIENT_EVICTED')
    await assertUndecided(call, 'outcome_unknown')
    await assertUndecided(cluster.call(lookup(2n)), 'not_writer')
    assert.equal(clients.length, 1)
    cluster.stop()
  })

  it('takes an eviction that a late call reports for what it is', async () => {
    const { cluster, clients } = make({ callTimeoutMs: 10 })
    await assertUndecided(cluster.call(lookup(1n)), 'outcome_unknown')
    clients[0]!.failAll('ERR_CLIENT_EVICTED')
    await eventually(() => cluster.eventsInFlight === 0, 'the late failure is seen')
    await assertUndecided(cluster.call(lookup(2n)), 'outcome_unknown')
    assert.equal(clients.length, 2)
    cluster.stop()
  })

  it('lets an error that is about the request through as it is', async () => {
    const { cluster, clients } = make()
    const call = cluster.call(lookup(1n))
    clients[0]!.asked[0]!.reject(requestError('ERR_TOO_MUCH_DATA'))
    await assert.rejects(call, { message: 'ERR_TOO_MUCH_DATA' })
    assert.equal(cluster.eventsInFlight, 0)
    cluster.stop()
  })

  it('when stopped, leaves calls under way unknown and refuses new ones', async () => {
    const { cluster } = make()
    const call = cluster.call(lookup(1n))
    cluster.stop()
    await assertUndecided(call, 'outcome_unknown')
    await assertUndecided(cluster.call(lookup(2n)), 'not_writer')
  })
})
