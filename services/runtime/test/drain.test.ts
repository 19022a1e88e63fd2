import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { service as healthService } from 'grpc-health-check'
import {
  SubmitRequest,
  SubmitResponse,
  TransferServiceService,
} from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import {
  GetIntentRequest,
  GetIntentResponse,
  IntentServiceService,
  WatchIntentRequest,
  WatchIntentResponse,
} from '../../../gen/paymesh/intent/v1/intent_service.js'
import type { RpcError } from '../rpc-error.js'
import { bindSome, clientOf, deferred, type RunningServer, startServer, stopAll, until } from './running-server.js'

const request = GetIntentRequest.fromPartial({ name: 'intents/1' })

interface HealthClient {
  Check(request: { service: string }): Promise<{ status: string }>
  Watch(request: { service: string }): AsyncIterable<{ status: string }>
}

async function healthClient(server: RunningServer, as: 'edge' | 'stranger' | 'ledger'): Promise<HealthClient> {
  return (await clientOf(healthService, server, as)) as unknown as HealthClient
}

describe('health', () => {
  const name = 'paymesh.intent.v1.IntentService'
  let server: RunningServer

  beforeEach(async () => {
    server = await startServer('intent', [bindSome(IntentServiceService, {})])
  })
  afterEach(stopAll)

  it('is NOT_SERVING until it is set, by service and for the process', async () => {
    const client = await healthClient(server, 'edge')
    assert.equal((await client.Check({ service: name })).status, 'NOT_SERVING')
    server.server.setServing(name, true)
    assert.equal((await client.Check({ service: name })).status, 'SERVING')
    assert.equal((await client.Check({ service: '' })).status, 'NOT_SERVING')
    await assert.rejects(client.Check({ service: 'paymesh.Nobody' }), { code: status.NOT_FOUND })
  })

  it('is told to every peer of the mesh and to nobody else', async () => {
    assert.equal((await (await healthClient(server, 'ledger')).Check({ service: '' })).status, 'NOT_SERVING')
    const stranger = await healthClient(server, 'stranger')
    await assert.rejects(stranger.Check({ service: '' }), {
      code: status.PERMISSION_DENIED,
      reason: 'PEER_NOT_ALLOWED',
    })
    const watch = async () => {
      for await (const _answer of stranger.Watch({ service: '' })) assert.fail()
    }
    await assert.rejects(watch(), { code: status.PERMISSION_DENIED })
  })

  it('can be watched, and a drain tells and ends the watch', async () => {
    const client = await healthClient(server, 'edge')
    server.server.setServing(name, true)
    const seen: string[] = []
    for await (const answer of client.Watch({ service: name })) {
      seen.push(answer.status)
      if (seen.length === 1) void server.server.drain()
    }
    assert.deepEqual(seen, ['SERVING', 'NOT_SERVING'])
  })
})

describe('a drain', () => {
  afterEach(stopAll)

  it('answers what was accepted, says NOT_SERVING at once, and accepts no more', async () => {
    const entered = deferred<undefined>()
    const release = deferred<undefined>()
    const getIntent = async () => {
      entered.resolve(undefined)
      await release.promise
      return GetIntentResponse.fromPartial({})
    }
    const bindings = [bindSome(IntentServiceService, { getIntent })]
    const server = await startServer('intent', bindings, { drainDelayMs: 100, drainTimeoutMs: 10_000 })
    const client = await clientOf(IntentServiceService, server, 'operator')
    const health = await healthClient(server, 'edge')
    server.server.setServing('', true)
    const call = client.getIntent(request)
    await entered.promise
    let drained = false
    const drain = server.server.drain().then(() => (drained = true))
    assert.equal((await health.Check({ service: '' })).status, 'NOT_SERVING')
    const fresh = await clientOf(IntentServiceService, server, 'operator')
    const refused = async () => {
      for (;;)
        await fresh.getIntent(request, { timeoutMs: 400 }).catch((error: unknown) => {
          if ((error as RpcError).code === status.UNAVAILABLE) throw error
        })
    }
    await assert.rejects(refused(), { code: status.UNAVAILABLE })
    assert.equal(drained, false)
    release.resolve(undefined)
    await call
    await drain
  })

  it('loses nothing under load', async () => {
    const getIntent = async () => {
      await new Promise((resolve) => setTimeout(resolve, 1))
      return GetIntentResponse.fromPartial({})
    }
    const server = await startServer('intent', [bindSome(IntentServiceService, { getIntent })], {
      drainTimeoutMs: 10_000,
    })
    const client = await clientOf(IntentServiceService, server, 'operator')
    let accepted = 0
    const outcomes: string[] = []
    const caller = async () => {
      for (;;) {
        try {
          await client.getIntent(request)
          accepted += 1
        } catch (error) {
          outcomes.push(status[(error as RpcError).code])
          return
        }
      }
    }
    const callers = Array.from({ length: 32 }, caller)
    await until(() => accepted > 500)
    await server.server.drain()
    await Promise.all(callers)
    assert.deepEqual(new Set(outcomes), new Set(['UNAVAILABLE']))
    // What the server answered, the clients received: nothing accepted was cut off.
    const answered = server.records.filter(({ code, msg }) => msg === 'call' && code === 'OK').length
    assert.equal(accepted, answered)
    assert.equal(server.records.filter(({ msg }) => msg === 'call').length, answered)
  })

  it('ends watches with UNAVAILABLE and lets streams both ways answer what they read', async () => {
    const watchIntent = async function* (call: { signal: AbortSignal }) {
      yield WatchIntentResponse.fromPartial({})
      await new Promise((resolve) => {
        call.signal.addEventListener('abort', resolve)
      })
    }
    const intent = await startServer('intent', [bindSome(IntentServiceService, { watchIntent })], {
      drainTimeoutMs: 10_000,
    })
    const watcher = await clientOf(IntentServiceService, intent, 'operator')
    const watch = async () => {
      for await (const _event of watcher.watchIntent(WatchIntentRequest.fromPartial({}))) void intent.server.drain()
    }
    await assert.rejects(watch(), { code: status.UNAVAILABLE, reason: 'DRAINING' })

    const read = deferred<undefined>()
    const release = deferred<undefined>()
    const submit = async function* (_call: unknown, requests: AsyncIterable<SubmitRequest>) {
      for await (const { batches } of requests) {
        read.resolve(undefined)
        await release.promise
        yield SubmitResponse.fromPartial({ results: batches.map(({ correlationId }) => ({ correlationId })) })
      }
    }
    const ledger = await startServer('ledger', [bindSome(TransferServiceService, { submit })], {
      drainTimeoutMs: 10_000,
    })
    const stream = (await clientOf(TransferServiceService, ledger, 'intent')).submit()
    stream.write(SubmitRequest.fromPartial({ batches: [{ correlationId: 9n }] }))
    await read.promise
    const drain = ledger.server.drain()
    release.resolve(undefined)
    const ids: bigint[] = []
    for await (const { results } of stream.responses) ids.push(...results.map(({ correlationId }) => correlationId))
    assert.deepEqual(ids, [9n])
    await drain
  })

  it('cuts off what hangs when its time is over, and says so', async () => {
    const entered = deferred<undefined>()
    const getIntent = () => {
      entered.resolve(undefined)
      return new Promise<GetIntentResponse>(() => {})
    }
    const server = await startServer('intent', [bindSome(IntentServiceService, { getIntent })], { drainTimeoutMs: 50 })
    const client = await clientOf(IntentServiceService, server, 'operator')
    const call = client.getIntent(request)
    void call.catch(() => {})
    await entered.promise
    await server.server.drain()
    // The client tries the read again, as its service config says, and finds nobody.
    await assert.rejects(call, { code: status.UNAVAILABLE })
    assert.ok(server.records.some(({ reason }) => reason === 'DRAINING'))
    assert.ok(server.records.some(({ level }) => level === 'warn'))
  })
})
