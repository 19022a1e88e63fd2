import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import {
  type SubmitRequest,
  type SubmitResponse,
  type SubmitResult,
} from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import { type Call, type PeerName } from '../../runtime/call.js'
import { type BidiCall } from '../../runtime/client.js'
import { TransferStatus } from '../state-machine/status.js'
import {
  accountEvent,
  assertFails,
  assertInvalid,
  eventually,
  TestLedger,
  transferEvent,
  wireTransfer,
} from '../test/harness.js'
import { verifyBooks } from '../test/verify.js'
import { OpenStreams, submit } from './submit.js'

type Stream = BidiCall<SubmitRequest, { results: SubmitResult[] }>

/** Everything that a stream answers, and in how many messages. */
async function readAll(stream: Stream): Promise<{ results: Map<bigint, SubmitResult>; messages: number }> {
  const results = new Map<bigint, SubmitResult>()
  let messages = 0
  for await (const message of stream.responses) {
    messages += 1
    for (const result of message.results) {
      assert.ok(!results.has(result.correlationId), 'each batch is answered once')
      results.set(result.correlationId, result)
    }
  }
  return { results, messages }
}

/** What the handler asks of its call: who calls, and whether it still goes on. */
function quietCall(): Call {
  const caller = { kind: 'peer', peer: 'intent' } as const
  const call: Pick<Call, 'signal' | 'caller'> = { signal: new AbortController().signal, caller }
  return call as Call
}

describe('TransferService.Submit', () => {
  let ledger: TestLedger
  let nextId = 1000n
  before(async () => {
    ledger = await TestLedger.start()
    await ledger.engine.createAccounts([accountEvent(1n), accountEvent(2n)])
  })
  after(async () => {
    await verifyBooks(ledger.pool)
    await ledger.stop()
  })

  async function open(peer: PeerName = 'intent'): Promise<Stream> {
    return (await ledger.transfers(peer)).submit()
  }

  const batch = (correlationId: bigint, count = 1) => ({
    correlationId,
    transfers: Array.from({ length: count }, () => wireTransfer(nextId++)),
  })

  it('answers every batch of a message once, together', async () => {
    const stream = await open()
    stream.write({ batches: Array.from({ length: 200 }, (_, index) => batch(BigInt(index), 2)) })
    stream.end()
    const { results, messages } = await readAll(stream)
    assert.equal(results.size, 200)
    for (const { results: events } of results.values()) {
      assert.deepEqual(
        events.map(({ status }) => status),
        [TransferStatus.CREATED, TransferStatus.CREATED],
      )
    }
    assert.ok(messages <= 10, `200 batches were answered in ${messages} messages`)
  })

  it('answers all of many messages, more than may be under way at once', async () => {
    const stream = await open()
    const reading = readAll(stream)
    for (let message = 0; message < 50; message++) {
      stream.write({ batches: Array.from({ length: 4 }, (_, index) => batch(BigInt(message * 4 + index), 100)) })
    }
    stream.end()
    const { results } = await reading
    assert.equal(results.size, 200)
    assert.ok([...results.values()].every(({ failure }) => failure === undefined))
  })

  it('answers an empty batch with nothing and one that can not be decided with why, and goes on', async () => {
    const stream = await open()
    const wrongCode = { correlationId: 2n, transfers: [wireTransfer(nextId++, { code: 65536 })] }
    stream.write({ batches: [batch(1n, 0), wrongCode, batch(3n, 254), batch(4n)] })
    stream.end()
    const { results } = await readAll(stream)
    assert.deepEqual(results.get(1n), { correlationId: 1n, results: [], failure: undefined })
    const failures = [2n, 3n].map((id) => results.get(id)?.failure)
    assert.deepEqual(
      failures.map((failure) => [failure?.code, failure?.reason]),
      [
        [status.INVALID_ARGUMENT, 'INVALID_FIELD'],
        [status.INVALID_ARGUMENT, 'BATCH_TOO_LARGE'],
      ],
    )
    assert.equal(results.get(4n)?.results[0]?.status, TransferStatus.CREATED)
  })

  it('ends with INVALID_FIELD when a message is malformed', async () => {
    const malformed: SubmitRequest[] = [
      { batches: [] },
      { batches: Array.from({ length: 1025 }, (_, index) => batch(BigInt(index), 0)) },
      { batches: Array.from({ length: 33 }, (_, index) => batch(BigInt(index), 253)) },
    ]
    for (const request of malformed) {
      const stream = await open()
      stream.write(request)
      await assertInvalid(readAll(stream), 'batches')
    }
    const stream = await open()
    stream.write({ batches: [batch(1n), batch(1n)] })
    await assertInvalid(readAll(stream), 'batches.correlation_id')
  })

  it('takes a correlation id again once it was answered', async () => {
    const stream = await open()
    stream.write({ batches: [batch(1n)] })
    const responses = stream.responses[Symbol.asyncIterator]()
    await responses.next()
    stream.write({ batches: [batch(1n)] })
    const { value } = (await responses.next()) as { value: { results: SubmitResult[] } }
    assert.equal(value.results[0]?.results[0]?.status, TransferStatus.CREATED)
    stream.end()
    assert.equal((await responses.next()).done, true)
  })

  it('leaves nothing behind when the client goes away', async () => {
    const stream = await open()
    stream.write({ batches: Array.from({ length: 100 }, (_, index) => batch(BigInt(index), 10)) })
    stream.cancel()
    await assert.rejects(readAll(stream))
    await eventually(() => ledger.engine.queuedEvents === 0, 'the queue is empty')
    const next = await open()
    next.write({ batches: [batch(1n)] })
    next.end()
    assert.equal((await readAll(next)).results.size, 1)
  })

  it('does not read on from a client that does not read', async () => {
    const messages = 30
    let taken = 0
    async function* requests() {
      for (; taken < messages; taken++) yield await Promise.resolve({ batches: [...Array(10).keys()].map(numbered) })
    }
    const numbered = (index: number) => batch(BigInt(taken * 10 + index), 100)
    const responses = submit({ engine: ledger.engine, streams: new OpenStreams() }, quietCall(), requests())
    const answers = responses[Symbol.asyncIterator]()
    let answered = ((await answers.next()).value as SubmitResponse).results.length
    // Each waits for its turn behind what was taken before it.
    for (let count = 0; count < 25; count++) await ledger.engine.createTransfers([transferEvent(nextId++)])
    assert.ok(taken < 15, `${taken} messages of 1,000 transfers were taken`)

    for (;;) {
      const { value, done } = (await answers.next()) as { value: SubmitResponse; done: boolean }
      if (done) break
      answered += value.results.length
    }
    assert.equal(answered, messages * 10)
  })

  it('serves so many streams, so many of one caller and no more, until one ends or is given up', async () => {
    const served = async (peer: PeerName) => {
      const stream = await open(peer)
      stream.write({ batches: [batch(1n)] })
      await stream.responses[Symbol.asyncIterator]().next()
      return stream
    }
    const refused = { reason: 'OVERLOADED', code: status.RESOURCE_EXHAUSTED }
    const streams: Stream[] = []
    for (const peer of ['intent', 'connector'] as const) {
      for (let count = 0; count < 16; count++) streams.push(await served(peer))
      await assertFails(served(peer), refused)
    }
    await assertFails(served('operator'), refused)
    streams.shift()?.end()
    streams.shift()?.cancel()
    const seventeenth = async () => {
      const next = await served('intent').catch(() => undefined)
      if (next !== undefined) streams.push(next)
      return next !== undefined
    }
    await eventually(seventeenth, 'there is room for the one that ended')
    await eventually(seventeenth, 'there is room for the one that was given up')
    await assertFails(served('intent'), refused)
    for (const stream of streams) stream.cancel()
  })
})
