import assert from 'node:assert/strict'
import { join } from 'node:path'
import { status } from '@grpc/grpc-js'
import { service as healthService } from 'grpc-health-check'
import { ProcessBook } from '../../../dev/process-book.js'
import { testCertificates, testDatabase, testFolder } from '../../../dev/testing.js'
import { TransferServiceService } from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import { type Client, createClient } from '../../runtime/client.js'
import { fromUint128 } from '../../runtime/ids.js'
import { createPool } from '../../runtime/postgres.js'
import { SERVICE_NAMES } from '../server.js'
import { TransferStatus } from '../state-machine/status.js'
import { TransferFlag } from '../state-machine/transfer.js'
import { engineAccount as accountMessage } from '../wire.js'
import { accountEvent, assertFails, eventually, wireTransfer } from './harness.js'
import { type LedgerProcess, startLedgerProcess } from './ledger-process.js'
import { verifyBooks } from './verify.js'

const CHAIN = 3

interface HealthClient {
  Check(request: { service: string }): Promise<{ status: string }>
  close(): void
}

/** Ledger processes on one database, and callers that keep them busy until they die. */
class Cluster {
  readonly url: string
  readonly folder = testFolder()
  readonly book = new ProcessBook(join(this.folder, 'processes.json'))
  readonly pool
  readonly processes: LedgerProcess[] = []
  /** First ids of chains that were acknowledged, and of those that got no answer. */
  readonly acknowledged: bigint[] = []
  readonly unanswered: bigint[] = []
  #nextId = 1000n

  private constructor(url: string) {
    this.url = url
    this.pool = createPool({ url, max: 2, applicationName: 'ledger-test' })
  }

  static async start(processCount: number): Promise<Cluster> {
    const cluster = new Cluster(await testDatabase('ledger'))
    for (let count = 0; count < processCount; count++) await cluster.add()
    return cluster
  }

  async add(): Promise<LedgerProcess> {
    const tls = (await testCertificates()).of('ledger')
    const { url: databaseUrl, book, folder } = this
    const started = await startLedgerProcess({ databaseUrl, tls, book, folder })
    this.processes.push(started)
    return started
  }

  /** The process that is the writer, once there is one. */
  async writer(): Promise<LedgerProcess> {
    let writer: LedgerProcess | undefined
    await eventually(async () => {
      for (const process of this.processes) if (await process.isWriter()) writer = process
      return writer !== undefined
    }, 'there is a writer')
    return writer!
  }

  async client({ address }: LedgerProcess): Promise<Client<typeof TransferServiceService>> {
    const tls = (await testCertificates()).of('intent')
    const serviceConfig = 'proto/paymesh/ledger/v1/ledger_service_config.json'
    return createClient(TransferServiceService, { address, peer: 'ledger', tls, serviceConfig })
  }

  /** What a process tells health checks about each of its services. */
  async health({ address }: LedgerProcess): Promise<string[]> {
    const tls = (await testCertificates()).of('edge')
    const serviceConfig = 'proto/paymesh/ledger/v1/ledger_service_config.json'
    const options = { address, peer: 'ledger' as const, tls, serviceConfig }
    // The library's definition has its methods' names only as values.
    const client = createClient(healthService, options) as unknown as HealthClient
    const answers = await Promise.all(['', ...SERVICE_NAMES].map((service) => client.Check({ service })))
    client.close()
    return answers.map(({ status }) => status)
  }

  /** Posts chains one after the other until the process does not answer any more. */
  async load(client: Client<typeof TransferServiceService>): Promise<void> {
    for (;;) {
      const first = this.#nextId
      this.#nextId += BigInt(CHAIN)
      try {
        const { results } = await client.createTransfers({ transfers: chain(first) })
        assert.ok(results.every(({ status }) => status === TransferStatus.CREATED))
        this.acknowledged.push(first)
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error
        this.unanswered.push(first)
        return
      }
    }
  }

  async stop(): Promise<void> {
    for (const { process } of this.processes) await process.kill()
    await this.pool.end()
  }
}

/** From account 1 around to account 1 again: whole, it leaves every balance even. */
function chain(first: bigint) {
  return Array.from({ length: CHAIN }, (_, leg) =>
    wireTransfer(first + BigInt(leg), {
      debitAccountId: { high: 0n, low: BigInt(leg + 1) },
      creditAccountId: { high: 0n, low: BigInt(((leg + 1) % CHAIN) + 1) },
      flags: leg < CHAIN - 1 ? TransferFlag.LINKED : 0,
    }),
  )
}

async function makeAccounts(client: Client<typeof TransferServiceService>): Promise<void> {
  const accounts = [1n, 2n, 3n].map((id) => accountMessage({ ...accountEvent(id), closed: false }))
  const { results } = await client.createAccounts({ accounts })
  assert.ok(results.every(({ status }) => status === TransferStatus.CREATED))
}

/** Every acknowledged chain is there, no chain is there in part, and a retry settles what got no answer. */
async function assertSettled(cluster: Cluster, client: Client<typeof TransferServiceService>): Promise<void> {
  for (const first of cluster.acknowledged) {
    const { transfers } = await client.lookupTransfers({ ids: chain(first).map(({ id }) => id!) })
    assert.equal(transfers.length, CHAIN, `the acknowledged chain ${first} is there`)
  }
  for (const first of cluster.unanswered) {
    const before = await client.lookupTransfers({ ids: chain(first).map(({ id }) => id!) })
    assert.ok([0, CHAIN].includes(before.transfers.length), `the chain ${first} is there whole or not at all`)
    const { results } = await client.createTransfers({ transfers: chain(first) })
    const status = before.transfers.length === 0 ? TransferStatus.CREATED : TransferStatus.EXISTS
    assert.equal(results[0]?.status, status)
  }
  const count = BigInt(cluster.acknowledged.length + cluster.unanswered.length)
  const { accounts } = await client.lookupAccounts({ ids: [1n, 2n, 3n].map((low) => ({ high: 0n, low })) })
  for (const account of accounts) {
    assert.equal(fromUint128(account.debitsPosted), count, 'each chain happened once')
    assert.equal(fromUint128(account.creditsPosted), count, 'each chain happened once')
  }
  await verifyBooks(cluster.pool)
}

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
