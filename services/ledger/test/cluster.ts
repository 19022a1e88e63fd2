import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type ServiceDefinition, status } from '@grpc/grpc-js'
import { service as healthService } from 'grpc-health-check'
import { ProcessBook } from '../../../dev/process-book.js'
import { testCertificates, testDatabase, testFolder } from '../../../dev/testing.js'
import { AccountServiceService } from '../../../gen/paymesh/ledger/v1/account_service.js'
import { LedgerAdminServiceService } from '../../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import { type EventResult } from '../../../gen/paymesh/ledger/v1/transfer.js'
import {
  type SubmitFailure,
  type SubmitRequest,
  type SubmitResponse,
  TransferServiceService,
} from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import { type PeerName } from '../../runtime/call.js'
import { type BidiCall, type Client, createClient } from '../../runtime/client.js'
import { fromUint128 } from '../../runtime/ids.js'
import { createPool } from '../../runtime/postgres.js'
import { RpcError } from '../../runtime/rpc-error.js'
import { SERVICE_NAMES } from '../server.js'
import { TransferStatus } from '../state-machine/status.js'
import { TransferFlag } from '../state-machine/transfer.js'
import { engineAccount as accountMessage } from '../wire.js'
import { accountEvent, eventually, wireTransfer } from './harness.js'
import { type LedgerProcess, startLedgerProcess } from './ledger-process.js'
import { verifyBooks } from './verify.js'

export type Transfers = Client<typeof TransferServiceService>

const CHAIN = 3
const SERVICE_CONFIG = 'proto/paymesh/ledger/v1/ledger_service_config.json'
// Between two attempts of one caller: often enough to meet every state of a failing system, seldom enough to let it work.
const RETRY_INTERVAL_MS = 20
// A caller goes elsewhere when a process does not answer for so long.
const CALL_TIMEOUT_MS = 2_000

interface HealthClient {
  Check(request: { service: string }): Promise<{ status: string }>
  close(): void
}

/** How a caller asks for a chain. */
type Post = (first: bigint) => Promise<readonly EventResult[]>

/** Ledger processes on one database, and callers that keep them busy whatever happens to them. */
export class Cluster {
  readonly url: string
  readonly folder = testFolder()
  readonly book = new ProcessBook(join(this.folder, 'processes.json'))
  readonly pool
  readonly processes: LedgerProcess[] = []
  /** First ids of chains that were acknowledged, and of those that got no answer. */
  readonly acknowledged: bigint[] = []
  readonly unanswered: bigint[] = []
  /** How often a call failed with what: `UNAVAILABLE NOT_WRITER`. */
  readonly failures = new Map<string, number>()
  readonly #clients: { close(): void }[] = []
  #nextId = 1000n

  private constructor(url: string) {
    this.url = url
    this.pool = createPool({ url, max: 2, applicationName: 'ledger-test' })
  }

  static async start(processCount: number, url?: string): Promise<Cluster> {
    const cluster = new Cluster(url ?? (await testDatabase('ledger')))
    for (let count = 0; count < processCount; count++) await cluster.add()
    return cluster
  }

  async add(environment: Readonly<Record<string, string>> = {}): Promise<LedgerProcess> {
    const tls = (await testCertificates()).of('ledger')
    const { url: databaseUrl, book, folder } = this
    const started = await startLedgerProcess({ databaseUrl, tls, book, folder, environment })
    this.processes.push(started)
    return started
  }

  /** The process that is the writer, once there is one. */
  async writer(): Promise<LedgerProcess> {
    let writer: LedgerProcess | undefined
    await eventually(
      async () => {
        for (const process of this.processes) if (await process.isWriter()) writer = process
        return writer !== undefined
      },
      'there is a writer',
      20_000,
    )
    return writer!
  }

  client(process: LedgerProcess): Promise<Transfers> {
    return this.#client(process, 'intent', TransferServiceService)
  }

  accounts(process: LedgerProcess): Promise<Client<typeof AccountServiceService>> {
    return this.#client(process, 'intent', AccountServiceService)
  }

  admin(process: LedgerProcess): Promise<Client<typeof LedgerAdminServiceService>> {
    return this.#client(process, 'operator', LedgerAdminServiceService)
  }

  async #client<S extends ServiceDefinition>(
    { address }: LedgerProcess,
    peer: PeerName,
    service: S,
  ): Promise<Client<S>> {
    const tls = (await testCertificates()).of(peer)
    const client = createClient(service, { address, peer: 'ledger', tls, serviceConfig: SERVICE_CONFIG })
    this.#clients.push(client)
    return client
  }

  /** What a process tells health checks about each of its services. */
  async health({ address }: LedgerProcess): Promise<string[]> {
    const tls = (await testCertificates()).of('edge')
    const options = { address, peer: 'ledger' as const, tls, serviceConfig: SERVICE_CONFIG }
    // The library's definition has its methods' names only as values.
    const client = createClient(healthService, options) as unknown as HealthClient
    const answers = await Promise.all(['', ...SERVICE_NAMES].map((service) => client.Check({ service })))
    client.close()
    return answers.map((answer) => answer.status)
  }

  /** Posts chains one after the other until the process does not answer any more. */
  async load(client: Transfers): Promise<void> {
    for (;;) {
      const first = this.#newChain()
      try {
        const { results } = await client.createTransfers({ transfers: chain(first) })
        assert.ok(results.every((result) => result.status === TransferStatus.CREATED))
        this.acknowledged.push(first)
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error
        this.unanswered.push(first)
        return
      }
    }
  }

  /**
   * Callers that post chains on any process until told to stop, each with the same ids until it gets an answer: half of
   * them by CreateTransfers, half by one Submit stream a process.
   */
  async keepLoading(callerCount: number): Promise<{ stop(): Promise<void> }> {
    const end = new AbortController()
    const clients = await Promise.all(this.processes.map((process) => this.client(process)))
    const streams = clients.map((client) => new ChainStream(client))
    const posts: Post[][] = [
      clients.map((client) => async (first) => {
        return (await client.createTransfers({ transfers: chain(first) }, { timeoutMs: CALL_TIMEOUT_MS })).results
      }),
      streams.map((stream) => (first) => stream.post(first)),
    ]
    const callers = Array.from({ length: callerCount }, (_, index) => this.#call(posts[index % 2]!, end.signal))
    const done = Promise.all(callers)
    // What it fails with is for whoever stops it.
    done.catch(() => undefined)
    return {
      stop: async () => {
        end.abort()
        await done
        for (const stream of streams) stream.close()
      },
    }
  }

  async #call(posts: readonly Post[], signal: AbortSignal): Promise<void> {
    let first = this.#newChain()
    let isAnswered = true
    for (let turn = 0; !signal.aborted;) {
      isAnswered = await this.#attempt(first, posts[turn % posts.length]!)
      if (isAnswered) {
        first = this.#newChain()
        continue
      }
      turn += 1
      await delay(RETRY_INTERVAL_MS)
    }
    if (!isAnswered) this.unanswered.push(first)
  }

  /** False: it got no answer, and the same ids have to be asked for again. */
  async #attempt(first: bigint, post: Post): Promise<boolean> {
    try {
      const results = await post(first)
      const [created, exists] = [TransferStatus.CREATED, TransferStatus.EXISTS] as const
      const statuses = results.map((result) => result.status)
      const again = [exists, TransferStatus.LINKED_EVENT_FAILED, TransferStatus.LINKED_EVENT_FAILED]
      assert.ok(
        statuses.every((one) => one === created) || String(statuses) === String(again),
        `the chain ${first} was made, now or before: ${String(statuses)}`,
      )
      this.acknowledged.push(first)
      return true
    } catch (error) {
      if (!(error instanceof RpcError)) throw error
      const name = failureName(error)
      this.failures.set(name, (this.failures.get(name) ?? 0) + 1)
      return false
    }
  }

  #newChain(): bigint {
    const first = this.#nextId
    this.#nextId += BigInt(CHAIN)
    return first
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close()
    for (const { process } of this.processes) await process.kill()
    await this.pool.end()
  }
}

/** A stream of chains, opened again after it broke. */
class ChainStream {
  readonly #client: Transfers
  readonly #waiting = new Map<
    bigint,
    { resolve(results: readonly EventResult[]): void; reject(error: unknown): void }
  >()
  #call: BidiCall<SubmitRequest, SubmitResponse> | undefined

  constructor(client: Transfers) {
    this.#client = client
  }

  post(first: bigint): Promise<readonly EventResult[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(first, { resolve, reject })
      this.#call ??= this.#open()
      this.#call.write({ batches: [{ correlationId: first, transfers: chain(first) }] })
    })
  }

  close(): void {
    this.#call?.cancel()
  }

  #open(): BidiCall<SubmitRequest, SubmitResponse> {
    const call = this.#client.submit()
    void this.#read(call)
    return call
  }

  async #read(call: BidiCall<SubmitRequest, SubmitResponse>): Promise<void> {
    let end: unknown = new RpcError({
      code: status.UNAVAILABLE,
      reason: 'STREAM_ENDED',
      domain: '',
      message: 'The stream ended.',
    })
    try {
      for await (const { results } of call.responses) {
        for (const { correlationId, results: events, failure } of results) {
          const caller = this.#waiting.get(correlationId)
          this.#waiting.delete(correlationId)
          if (failure === undefined) caller?.resolve(events)
          else caller?.reject(failureOf(failure))
        }
      }
    } catch (error) {
      end = error
    }
    this.#call = undefined
    const left = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const caller of left) caller.reject(end)
  }
}

/** From account 1 around to account 1 again: whole, it leaves every balance even. */
export function chain(first: bigint) {
  return Array.from({ length: CHAIN }, (_, leg) =>
    wireTransfer(first + BigInt(leg), {
      debitAccountId: { high: 0n, low: BigInt(leg + 1) },
      creditAccountId: { high: 0n, low: BigInt(((leg + 1) % CHAIN) + 1) },
      flags: leg < CHAIN - 1 ? TransferFlag.LINKED : 0,
    }),
  )
}

export async function makeAccounts(client: Transfers): Promise<void> {
  const accounts = [1n, 2n, 3n].map((id) => accountMessage({ ...accountEvent(id), closed: false }))
  const { results } = await client.createAccounts({ accounts })
  assert.ok(results.every((result) => result.status === TransferStatus.CREATED))
}

/** Resolves when callers were answered so many more chains. */
export async function moreAcknowledged({ acknowledged }: Cluster, count: number): Promise<void> {
  const before = acknowledged.length
  await eventually(() => acknowledged.length >= before + count, `${count} more chains are acknowledged`, 30_000)
}

/** Every acknowledged chain is there, no chain is there in part, and a retry settles what got no answer. */
export async function assertSettled(cluster: Cluster, client: Transfers): Promise<void> {
  await assertWhole(cluster)
  for (const first of cluster.unanswered) {
    const before = await client.lookupTransfers({ ids: chain(first).map(({ id }) => id!) })
    assert.ok([0, CHAIN].includes(before.transfers.length), `the chain ${first} is there whole or not at all`)
    const { results } = await client.createTransfers({ transfers: chain(first) })
    const wanted = before.transfers.length === 0 ? TransferStatus.CREATED : TransferStatus.EXISTS
    assert.equal(results[0]?.status, wanted)
  }
  const count = BigInt(cluster.acknowledged.length + cluster.unanswered.length)
  const { accounts } = await client.lookupAccounts({ ids: [1n, 2n, 3n].map((low) => ({ high: 0n, low })) })
  for (const account of accounts) {
    assert.equal(fromUint128(account.debitsPosted), count, 'each chain happened once')
    assert.equal(fromUint128(account.creditsPosted), count, 'each chain happened once')
  }
  await verifyBooks(cluster.pool)
}

/** Every acknowledged chain is there, whole. */
async function assertWhole({ acknowledged, pool }: Cluster): Promise<void> {
  const ids = acknowledged.flatMap((first) => chain(first).map(({ id }) => fromUint128(id)))
  const uuids = ids.map((id) => id.toString(16).padStart(32, '0'))
  const { rows } = await pool.query<{ count: bigint }>('select count(*) from transfers where id = any($1::uuid[])', [
    uuids,
  ])
  assert.equal(rows[0]?.count, BigInt(ids.length), 'every acknowledged chain is there, whole')
}

// Without a reason: the client's own library could not reach the process, or waited for it as long as it was to.
const PASSING = ['UNAVAILABLE NOT_WRITER', 'UNAVAILABLE OUTCOME_UNKNOWN', 'UNAVAILABLE DEPENDENCY_UNAVAILABLE'].concat(
  'UNAVAILABLE STREAM_ENDED',
  'UNAVAILABLE ',
  'DEADLINE_EXCEEDED ',
)

/** Whatever failed, failed so that a caller knows to ask again. */
export function assertOnlyPassing({ failures }: Cluster): void {
  const others = [...failures.keys()].filter((name) => !PASSING.includes(name))
  assert.deepEqual(others, [], 'every failure says to ask again')
}

function failureOf({ code: number, reason, message }: SubmitFailure): RpcError {
  const codes = [status.UNAVAILABLE, status.RESOURCE_EXHAUSTED, status.INVALID_ARGUMENT] as const
  const code = codes.find((one: number) => one === number) ?? status.INTERNAL
  return new RpcError({ code, reason, message, domain: 'ledger.paymesh' })
}

function failureName({ code, reason }: RpcError): string {
  return `${status[code]} ${reason}`
}
