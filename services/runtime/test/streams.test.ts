import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import {
  SubmitRequest,
  SubmitResponse,
  TransferServiceService,
} from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import {
  IntentServiceService,
  WatchIntentRequest,
  WatchIntentResponse,
} from '../../../gen/paymesh/intent/v1/intent_service.js'
import type { BidiStream, Call } from '../call.js'
import { bindSome, clientOf, deferred, startServer, stopAll, until } from './running-server.js'

const watchRequest = WatchIntentRequest.fromPartial({ name: 'intents/1' })
// Large enough that a few dozen fill every buffer between the two ends.
const large = WatchIntentResponse.fromPartial({
  event: { $case: 'intent', intent: { metadata: { filler: 'x'.repeat(64 * 1024) } } },
})

async function intentServer(watchIntent: (call: Call) => AsyncIterable<WatchIntentResponse>) {
  const server = await startServer('intent', [bindSome(IntentServiceService, { watchIntent })])
  return { server, client: await clientOf(IntentServiceService, server, 'operator') }
}

async function ledgerServer(submit: BidiStream<SubmitRequest, SubmitResponse>) {
  const server = await startServer('ledger', [bindSome(TransferServiceService, { submit })])
  return { server, client: await clientOf(TransferServiceService, server, 'intent') }
}

const numbered = (id: bigint) => SubmitRequest.fromPartial({ batches: [{ correlationId: id }] })

/** Answers each message by its correlation ids. */
const echo: BidiStream<SubmitRequest, SubmitResponse> = async function* (_call, requests) {
  for await (const { batches } of requests) {
    yield SubmitResponse.fromPartial({ results: batches.map(({ correlationId }) => ({ correlationId })) })
  }
}

describe('a server stream', () => {
  afterEach(stopAll)

  it('is read no faster than the client iterates', async () => {
    let sent = 0
    const { client } = await intentServer(async function* () {
      for (; sent < 1000; sent += 1) yield await Promise.resolve(large)
    })
    const iterator = client.watchIntent(watchRequest)[Symbol.asyncIterator]()
    await iterator.next()
    let before = -1
    // Until the sender stands still: nothing reads, so it must, far from its end.
    while (sent !== before) {
      before = sent
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    assert.ok(sent < 200, `${sent}`)
    let received = 1
    while (!(await iterator.next()).done) received += 1
    assert.equal(received, 1000)
  })

  it('runs the handler’s finally when the client stops iterating, also while it is held back', async () => {
    const closed = deferred<unknown>()
    const { client, server } = await intentServer(async function* (call) {
      try {
        for (;;) yield await Promise.resolve(large)
      } finally {
        closed.resolve(call.signal.reason)
      }
    })
    for await (const _event of client.watchIntent(watchRequest)) break
    assert.equal(((await closed.promise) as { code: status }).code, status.CANCELLED)
    await until(() => server.records.some(({ code }) => code === 'CANCELLED'))
  })

  it('sends headers before its first message', async () => {
    const { client } = await intentServer(async function* (call) {
      call.sendHeader('x-note', 'first')
      yield await Promise.resolve(WatchIntentResponse.fromPartial({}))
    })
    let count = 0
    for await (const _event of client.watchIntent(watchRequest)) count += 1
    assert.equal(count, 1)
  })
})

describe('a stream both ways', () => {
  afterEach(stopAll)

  it('answers every message in order and ends when both sides have', async () => {
    const { client } = await ledgerServer(echo)
    const stream = client.submit()
    for (let id = 0n; id < 500n; id += 1n) stream.write(numbered(id))
    stream.end()
    const ids: bigint[] = []
    for await (const { results } of stream.responses) ids.push(...results.map(({ correlationId }) => correlationId))
    assert.deepEqual(
      ids,
      Array.from({ length: 500 }, (_, id) => BigInt(id)),
    )
  })

  it('holds the client back while the handler does not read', async () => {
    const open = deferred<undefined>()
    const { client } = await ledgerServer(async function* (call, requests) {
      await open.promise
      yield* echo(call, requests)
    })
    const stream = client.submit()
    const ids = Array.from({ length: 5000 }, () => 7n)
    const message = SubmitRequest.fromPartial({ batches: ids.map((correlationId) => ({ correlationId })) })
    let written = 1
    while (stream.write(message)) written += 1
    assert.ok(written < 1000)
    const drained = deferred<undefined>()
    stream.onDrain(() => {
      drained.resolve(undefined)
    })
    open.resolve(undefined)
    stream.end()
    let received = 0
    for await (const _response of stream.responses) received += 1
    assert.equal(received, written)
  })

  it('tells a handler that reads of a client that vanished', async () => {
    const failure = deferred<unknown>()
    const { client } = await ledgerServer(async function* (call, requests) {
      try {
        yield* echo(call, requests)
        failure.resolve('ended')
      } catch (error) {
        failure.resolve(error)
      }
    })
    const stream = client.submit()
    stream.write(numbered(1n))
    const read = async () => {
      for await (const _response of stream.responses) stream.cancel()
    }
    await assert.rejects(read(), { code: status.CANCELLED })
    assert.equal(((await failure.promise) as { code: status }).code, status.CANCELLED)
  })

  it('fails on the client’s side, whether or not anybody reads', async () => {
    const { client, server } = await ledgerServer(() => {
      throw new Error('hunter2')
    })
    const unread = client.submit()
    unread.write(numbered(1n))
    const read = client.submit()
    const iterate = async () => {
      for await (const _response of read.responses) assert.fail()
    }
    await assert.rejects(iterate(), { code: status.INTERNAL, reason: 'INTERNAL' })
    await until(() => server.records.filter(({ code }) => code === 'INTERNAL').length === 2)
  })

  it('goes on answering after the client has said all', async () => {
    const { client } = await ledgerServer(async function* (call, requests) {
      const answers: SubmitResponse[] = []
      for await (const answer of echo(call, requests)) answers.push(answer)
      yield* answers
    })
    const stream = client.submit()
    for (let id = 0n; id < 20n; id += 1n) stream.write(numbered(id))
    stream.end()
    let count = 0
    for await (const _response of stream.responses) count += 1
    assert.equal(count, 20)
  })
})
