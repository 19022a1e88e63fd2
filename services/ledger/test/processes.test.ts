import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { SERVICE_NAMES } from '../server.js'
import { assertSettled, chain, Cluster, makeAccounts } from './cluster.js'
import { assertFails, eventually } from './harness.js'

describe('ledger processes', function () {
  this.timeout(60_000)
  let cluster: Cluster
  afterEach(() => cluster.stop())

  it('lose nothing that was acknowledged when killed under load, again and again', async () => {
    cluster = await Cluster.start(1)
    await makeAccounts(await cluster.client(await cluster.writer()))
    for (let round = 1; round <= 3; round++) {
      const writer = await cluster.writer()
      const client = await cluster.client(writer)
      const acknowledged = cluster.acknowledged.length
      const load = Promise.all(Array.from({ length: 8 }, () => cluster.load(client)))
      await eventually(() => cluster.acknowledged.length >= acknowledged + 100 * round, 'the load is under way')
      await writer.process.kill()
      await load
      client.close()
      await cluster.add()
    }
    const client = await cluster.client(await cluster.writer())
    await assertSettled(cluster, client)
    client.close()
  })

  it('stand by and take over when the writer is killed, and no id is applied twice', async () => {
    cluster = await Cluster.start(2)
    const writer = await cluster.writer()
    const standby = cluster.processes.find((process) => process !== writer)!
    const client = await cluster.client(writer)
    await makeAccounts(client)
    const load = Promise.all(Array.from({ length: 8 }, () => cluster.load(client)))
    await eventually(() => cluster.acknowledged.length >= 200, 'the load is under way')
    assert.equal(await standby.isWriter(), false)
    const serving = (word: string) => ['', ...SERVICE_NAMES].map(() => word)
    assert.deepEqual(await cluster.health(writer), serving('SERVING'))
    assert.deepEqual(await cluster.health(standby), serving('NOT_SERVING'))
    const other = await cluster.client(standby)
    const refused = other.createTransfers({ transfers: chain(1n) })
    await assertFails(refused, { reason: 'NOT_WRITER', code: status.UNAVAILABLE })
    await writer.process.kill()
    await load
    client.close()

    await eventually(() => standby.isWriter(), 'the standby takes over')
    assert.deepEqual(await cluster.health(standby), serving('SERVING'))
    await assertSettled(cluster, other)
    other.close()
  })

  it('answer what they took and exit with 0 when told to stop under load', async () => {
    cluster = await Cluster.start(1)
    const writer = await cluster.writer()
    const client = await cluster.client(writer)
    await makeAccounts(client)
    const load = Promise.all(Array.from({ length: 8 }, () => cluster.load(client)))
    await eventually(() => cluster.acknowledged.length >= 100, 'the load is under way')
    const exit = await writer.process.stop()
    assert.equal(exit.code, 0)
    client.close()
    await load

    const next = await cluster.add()
    await eventually(() => next.isWriter(), 'the next one writes')
    const other = await cluster.client(next)
    await assertSettled(cluster, other)
    other.close()
  })
})
