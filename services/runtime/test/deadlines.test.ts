import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import {
  GetAccountRequest,
  GetAccountResponse,
  AccountServiceService,
} from '../../../gen/paymesh/ledger/v1/account_service.js'
import {
  GetIntentRequest,
  GetIntentResponse,
  IntentServiceService,
  WatchIntentRequest,
  WatchIntentResponse,
} from '../../../gen/paymesh/intent/v1/intent_service.js'
import type { Call } from '../call.js'
import type { Client } from '../client.js'
import { bindSome, clientOf, deferred, type RunningServer, startServer, stopAll, until } from './running-server.js'

const getIntentRequest = GetIntentRequest.fromPartial({ name: 'intents/1' })
const getAccountRequest = GetAccountRequest.fromPartial({ name: 'accounts/1' })

/** Resolves with the reason when the call's signal aborts; that is all the handler ever waits for. */
function aborted(call: Call): Promise<unknown> {
  return new Promise((resolve) => {
    call.signal.addEventListener('abort', () => {
      resolve(call.signal.reason)
    })
  })
}

describe('deadlines', () => {
  afterEach(stopAll)

  it('end a call with DEADLINE_EXCEEDED and abort its signal', async () => {
    const reason = deferred<unknown>()
    const getIntent = async (call: Call) => {
      reason.resolve(await aborted(call))
      return GetIntentResponse.fromPartial({})
    }
    const server = await startServer('intent', [bindSome(IntentServiceService, { getIntent })])
    const client = await clientOf(IntentServiceService, server, 'operator')
    await assert.rejects(client.getIntent(getIntentRequest, { timeoutMs: 60 }), { code: status.DEADLINE_EXCEEDED })
    const { code } = (await reason.promise) as { code: status }
    assert.equal(code, status.DEADLINE_EXCEEDED)
    await until(() => server.records.some(({ code }) => code === 'DEADLINE_EXCEEDED'))
    assert.equal(server.records.filter(({ msg }) => msg === 'call').length, 1)
  })

  it('are at most the server’s maximum, and the answer says why', async () => {
    const getIntent = async (call: Call) => {
      await aborted(call)
      return GetIntentResponse.fromPartial({})
    }
    const bindings = [bindSome(IntentServiceService, { getIntent })]
    const server = await startServer('intent', bindings, { unaryDurationMsMax: 50 })
    const client = await clientOf(IntentServiceService, server, 'operator')
    const started = Date.now()
    await assert.rejects(client.getIntent(getIntentRequest, { timeoutMs: 10_000 }), {
      code: status.DEADLINE_EXCEEDED,
      reason: 'DEADLINE_EXCEEDED',
      domain: 'runtime.paymesh',
    })
    assert.ok(Date.now() - started < 5_000)
  })

  it('come from the service config when the caller names none', async () => {
    const seen = deferred<number>()
    const getIntent = (call: Call) => {
      seen.resolve(call.deadline - Date.now())
      return Promise.resolve(GetIntentResponse.fromPartial({}))
    }
    const server = await startServer('intent', [bindSome(IntentServiceService, { getIntent })])
    await (await clientOf(IntentServiceService, server, 'operator')).getIntent(getIntentRequest)
    const leftMs = await seen.promise
    assert.ok(leftMs > 3_000 && leftMs <= 5_000, `${leftMs}`)
  })

  it('are absent from a stream whose client sets none', async () => {
    const seen = deferred<number>()
    const watchIntent = async function* (call: Call) {
      seen.resolve(call.deadline)
      yield await Promise.resolve(WatchIntentResponse.fromPartial({}))
    }
    const server = await startServer('intent', [bindSome(IntentServiceService, { watchIntent })])
    const client = await clientOf(IntentServiceService, server, 'operator')
    for await (const _event of client.watchIntent(WatchIntentRequest.fromPartial({})));
    assert.equal(await seen.promise, Infinity)
  })
})

/** Two hops: operator → intent → ledger, where the first hands its call to the second as parent. */
async function twoHops(getAccount: (call: Call) => Promise<GetAccountResponse>) {
  const ledger = await startServer('ledger', [bindSome(AccountServiceService, { getAccount })])
  const inner: Client<typeof AccountServiceService> = await clientOf(AccountServiceService, ledger, 'intent')
  const outerCall = deferred<Call>()
  const getIntent = async (call: Call) => {
    outerCall.resolve(call)
    await inner.getAccount(getAccountRequest, { parent: call, timeoutMs: 60_000 })
    return GetIntentResponse.fromPartial({})
  }
  const intent: RunningServer = await startServer('intent', [bindSome(IntentServiceService, { getIntent })])
  const client = await clientOf(IntentServiceService, intent, 'operator')
  return { ledger, intent, client, outerCall: outerCall.promise }
}

describe('over two hops', () => {
  afterEach(stopAll)

  it('the first deadline holds and ends both', async () => {
    const innerCall = deferred<Call>()
    const ended = deferred<unknown>()
    const { client, outerCall } = await twoHops(async (call) => {
      innerCall.resolve(call)
      ended.resolve(await aborted(call))
      return GetAccountResponse.fromPartial({})
    })
    await assert.rejects(client.getIntent(getIntentRequest, { timeoutMs: 150 }), { code: status.DEADLINE_EXCEEDED })
    const [outer, inner] = [await outerCall, await innerCall.promise]
    assert.ok(Math.abs(outer.deadline - inner.deadline) < 50, `${outer.deadline} ${inner.deadline}`)
    await ended.promise
  })

  it('a cancelled client cancels both', async () => {
    const started = deferred<undefined>()
    const ended = deferred<unknown>()
    const { client, ledger, intent } = await twoHops(async (call) => {
      started.resolve(undefined)
      ended.resolve(await aborted(call))
      return GetAccountResponse.fromPartial({})
    })
    const controller = new AbortController()
    const call = client.getIntent(getIntentRequest, { signal: controller.signal })
    await started.promise
    controller.abort()
    await assert.rejects(call, { code: status.CANCELLED })
    assert.equal(((await ended.promise) as { code: status }).code, status.CANCELLED)
    for (const { records } of [ledger, intent]) {
      await until(() => records.some(({ code, msg }) => msg === 'call' && code === 'CANCELLED'))
    }
  })

  it('the trace and the request id carry over', async () => {
    const inner = deferred<Call>()
    const { client, outerCall } = await twoHops((call) => {
      inner.resolve(call)
      return Promise.resolve(GetAccountResponse.fromPartial({}))
    })
    await client.getIntent(getIntentRequest)
    assert.equal((await inner.promise).trace.traceId, (await outerCall).trace.traceId)
    assert.match((await outerCall).trace.traceId, /^[0-9a-f]{32}$/)
  })

  it('an already aborted signal makes no call', async () => {
    const { client } = await twoHops(() => assert.fail('called'))
    await assert.rejects(client.getIntent(getIntentRequest, { signal: AbortSignal.abort() }), {
      code: status.CANCELLED,
    })
  })
})
