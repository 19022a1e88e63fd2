import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { status } from '@grpc/grpc-js'
import { type SubmitBatch } from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import { fromUint128 } from '../../runtime/ids.js'
import { RpcError } from '../../runtime/rpc-error.js'
import { TransferStatus } from '../state-machine/status.js'
import { Cluster, makeAccounts, type Transfers } from './cluster.js'
import { failureOf, wireTransfer } from './harness.js'
import { type LedgerProcess } from './ledger-process.js'
import { verifyBooks } from './verify.js'

const LOAD_MS = 3_000
// A batch of 512 takes this long at least, so what the process can do is known.
const BATCH_MS = 400
const CAPACITY = (512 * LOAD_MS) / BATCH_MS
const STREAMS = 6
const MESSAGES_UNDER_WAY = 2
const CALLERS = 40
// An idle process has about 100 MB, and this load was measured to make it 250: the queue, what the streams have under
// way, and garbage that is not yet collected.
const MEMORY_MEGABYTES_MAX = 512
const HEALTH_MS_MAX = 2_000

/** What callers that never hold back were told. */
class Tally {
  created = 0
  refused = 0
  readonly #endMs = performance.now() + LOAD_MS

  get isOver(): boolean {
    return performance.now() >= this.#endMs
  }
}

let nextId = 1_000_000n
const transfersOf = (count: number) => Array.from({ length: count }, () => wireTransfer(nextId++))

/** One call after the other, whatever it is told. */
async function callOn(client: Transfers, tally: Tally): Promise<void> {
  const count = 200
  while (!tally.isOver) {
    try {
      const { results } = await client.createTransfers({ transfers: transfersOf(count) }, { timeoutMs: 30_000 })
      assert.ok(results.every((result) => result.status === TransferStatus.CREATED))
      tally.created += count
    } catch (error) {
      assert.ok(error instanceof RpcError, String(error))
      assert.deepEqual([status[error.code], error.reason], ['RESOURCE_EXHAUSTED', 'OVERLOADED'])
      assert.equal(error.retryAfterMs, 500, 'a caller is told when to come again')
      tally.refused += count
    }
  }
}

/** Messages of four thousand transfers, the next as soon as one is answered whole. */
async function streamOn(client: Transfers, tally: Tally): Promise<void> {
  const [batchCount, count] = [16, 253]
  const stream = client.submit()
  let correlationId = 0n
  let unanswered = 0
  const send = () => {
    const batches: SubmitBatch[] = Array.from({ length: batchCount }, () => {
      return { correlationId: correlationId++, transfers: transfersOf(count) }
    })
    unanswered += batchCount
    stream.write({ batches })
  }
  for (let message = 0; message < MESSAGES_UNDER_WAY; message++) send()
  for await (const { results } of stream.responses) {
    for (const { failure, results: events } of results) {
      unanswered -= 1
      if (failure === undefined) {
        assert.ok(events.every((event) => event.status === TransferStatus.CREATED))
        tally.created += count
      } else {
        assert.deepEqual([failure.code, failure.reason], [status.RESOURCE_EXHAUSTED, 'OVERLOADED'])
        tally.refused += count
      }
    }
    if (unanswered <= batchCount * (MESSAGES_UNDER_WAY - 1) && !tally.isOver) send()
    if (unanswered === 0) stream.end()
  }
}

/** How long the slowest health check took, and how much memory the process had at most. */
async function watch(cluster: Cluster, process: LedgerProcess, tally: Tally) {
  let [healthMs, megabytes] = [0, 0]
  while (!tally.isOver) {
    const startedMs = performance.now()
    const answers = await cluster.health(process)
    assert.ok(answers.every((answer) => answer === 'SERVING'))
    healthMs = Math.max(healthMs, performance.now() - startedMs)
    megabytes = Math.max(megabytes, memoryOf(process))
  }
  return { healthMs, megabytes }
}

function memoryOf({ process: { pid } }: LedgerProcess): number {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}

describe('a ledger that is asked for ten times what it can do', function () {
  this.timeout(60_000)
  let cluster: Cluster
  before(async () => {
    cluster = await Cluster.start(1)
    await cluster.pool.query(`
      create function slow() returns trigger language plpgsql as
        $$ begin perform pg_sleep(${BATCH_MS / 1_000}); return new; end $$;
      create trigger slow before insert on journal for each row execute function slow()`)
  })
  after(() => cluster.stop())

  it('refuses what is too much, answers what it took, and stays small and alive', async () => {
    const process = await cluster.writer()
    const client = await cluster.client(process)
    await makeAccounts(client)
    const tally = new Tally()
    const watched = watch(cluster, process, tally).finally(() => cluster.pool.query('drop trigger slow on journal'))
    const streaming = await Promise.all(Array.from({ length: STREAMS }, () => cluster.client(process)))
    await Promise.all([
      ...Array.from({ length: CALLERS }, () => callOn(client, tally)),
      ...streaming.map((one) => streamOn(one, tally)),
    ])
    const { healthMs, megabytes } = await watched
    const { created, refused } = tally
    assert.ok(created + refused >= 10 * CAPACITY, `${created + refused} were offered, and ${CAPACITY} can be done`)
    assert.ok(created < refused, `${created} were taken and ${refused} refused`)
    assert.ok(healthMs < HEALTH_MS_MAX, `a health check took ${healthMs} ms`)
    assert.ok(megabytes < MEMORY_MEGABYTES_MAX, `the process had ${megabytes} MB`)

    const { results } = await client.createTransfers({ transfers: transfersOf(1) })
    assert.equal(results[0]?.status, TransferStatus.CREATED)
    const { accounts } = await client.lookupAccounts({ ids: [{ high: 0n, low: 1n }] })
    assert.equal(fromUint128(accounts[0]?.debitsPosted), BigInt(tally.created + 1), 'what was taken is in the books')
    await verifyBooks(cluster.pool)
  })

  it('refuses a message that is too large without reading it', async () => {
    const client = await cluster.client(await cluster.writer())
    const failure = await failureOf(client.createTransfers({ transfers: transfersOf(100_000) }))
    assert.equal(failure.code, status.RESOURCE_EXHAUSTED)
  })
})
