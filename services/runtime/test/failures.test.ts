import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import {
  GetIntentRequest,
  GetIntentResponse,
  IntentServiceService,
  WatchIntentRequest,
  WatchIntentResponse,
} from '../../../gen/paymesh/intent/v1/intent_service.js'
import type { Intent } from '../../../gen/paymesh/intent/v1/intent.js'
import { FieldCheck } from '../field-check.js'
import { RpcError } from '../rpc-error.js'
import { bindSome, clientOf, type RunningServer, startServer, stopAll, until } from './running-server.js'

const request = GetIntentRequest.fromPartial({ name: 'intents/1' })
const good = GetIntentResponse.fromPartial({})

async function failing(error: unknown): Promise<{ server: RunningServer; failure: RpcError }> {
  const getIntent = async () => {
    await Promise.resolve()
    throw error as Error
  }
  const server = await startServer('intent', [bindSome(IntentServiceService, { getIntent })])
  const client = await clientOf(IntentServiceService, server, 'operator')
  const failure = await client.getIntent(request).then(
    () => undefined,
    (caught: unknown) => caught,
  )
  assert.ok(failure instanceof RpcError)
  return { server, failure }
}

const remote = (code: status) => {
  return new RpcError({ code, reason: 'NOT_WRITER', domain: 'ledger.paymesh', message: 'peer text' }, true)
}

describe('what a handler throws', () => {
  afterEach(stopAll)

  it('is answered as it is when it is an RpcError', async () => {
    const error = new RpcError({
      code: status.NOT_FOUND,
      reason: 'INTENT_NOT_FOUND',
      domain: 'intent.paymesh',
      message: 'No such intent.',
    })
    const { server, failure } = await failing(error)
    assert.deepEqual(
      [failure.code, failure.reason, failure.message],
      [status.NOT_FOUND, 'INTENT_NOT_FOUND', 'No such intent.'],
    )
    const [record] = server.records.filter(({ msg }) => msg === 'call')
    assert.equal(record?.['level'], 'info')
    assert.equal(record['reason'], 'INTENT_NOT_FOUND')
  })

  it('lists every field violation', async () => {
    const check = new FieldCheck('intent.paymesh')
    check.that(false, 'intent.amount.minor_units', 'must be positive')
    check.that(false, 'request_id', 'is required')
    let error: unknown
    try {
      check.done()
    } catch (caught) {
      error = caught
    }
    const { failure } = await failing(error)
    assert.equal(failure.code, status.INVALID_ARGUMENT)
    assert.equal(failure.reason, 'INVALID_FIELD')
    assert.deepEqual(failure.fieldViolations, [
      { field: 'intent.amount.minor_units', description: 'must be positive' },
      { field: 'request_id', description: 'is required' },
    ])
  })

  const unknown: [string, unknown][] = [
    ['an Error', new Error('password=hunter2')],
    ['a string', 'hunter2'],
    ['nothing', undefined],
    ['an object that looks like a status', { code: 5, details: 'hunter2' }],
  ]
  for (const [what, thrown] of unknown) {
    it(`is INTERNAL with a fixed text when it is ${what}, and is logged once`, async () => {
      const { server, failure } = await failing(thrown)
      assert.deepEqual(
        [failure.code, failure.reason, failure.message],
        [status.INTERNAL, 'INTERNAL', 'Internal error.'],
      )
      assert.equal(failure.domain, 'runtime.paymesh')
      const errors = server.records.filter(({ level }) => level === 'error')
      assert.equal(errors.length, 1)
      if (thrown instanceof Error) assert.match(JSON.stringify(errors[0]?.['err']), /hunter2/)
    })
  }

  const remotes: [status, status, string][] = [
    [status.UNAVAILABLE, status.UNAVAILABLE, 'DEPENDENCY_UNAVAILABLE'],
    [status.DEADLINE_EXCEEDED, status.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED'],
    [status.CANCELLED, status.CANCELLED, 'CANCELLED'],
    [status.PERMISSION_DENIED, status.INTERNAL, 'INTERNAL'],
    [status.NOT_FOUND, status.INTERNAL, 'INTERNAL'],
  ]
  for (const [code, answered, reason] of remotes) {
    it(`is ${reason} when it is another service's ${status[code]}, of which nothing is passed on`, async () => {
      const { failure } = await failing(remote(code))
      assert.deepEqual([failure.code, failure.reason, failure.domain], [answered, reason, 'runtime.paymesh'])
      assert.ok(!failure.message.includes('peer text'))
    })
  }

  it('does not end the process, also when it is thrown before the first await', async () => {
    const getIntent = () => {
      throw new Error('at once')
    }
    const server = await startServer('intent', [bindSome(IntentServiceService, { getIntent })])
    const client = await clientOf(IntentServiceService, server, 'operator')
    await assert.rejects(client.getIntent(request), { code: status.INTERNAL })
    await assert.rejects(client.getIntent(request), { code: status.INTERNAL })
  })

  it('is INTERNAL and logged when the answer does not fit its message', async () => {
    const intent = { createTime: 'yesterday' } as unknown as Intent
    const getIntent = () => Promise.resolve({ intent })
    const server = await startServer('intent', [bindSome(IntentServiceService, { getIntent })])
    const client = await clientOf(IntentServiceService, server, 'operator')
    await assert.rejects(client.getIntent(request), { code: status.INTERNAL, message: 'Error serializing response' })
    assert.ok(server.records.some(({ msg }) => msg === 'an answer could not be serialized'))
  })

  it('ends a stream with its status after the messages that went before', async () => {
    const watchIntent = async function* () {
      yield WatchIntentResponse.fromPartial({})
      await Promise.resolve()
      throw new RpcError({ code: status.ABORTED, reason: 'R', domain: 'd', message: 'over' })
    }
    const server = await startServer('intent', [bindSome(IntentServiceService, { watchIntent })])
    const client = await clientOf(IntentServiceService, server, 'operator')
    let count = 0
    const watch = async () => {
      for await (const _event of client.watchIntent(WatchIntentRequest.fromPartial({}))) count += 1
    }
    await assert.rejects(watch(), { code: status.ABORTED, reason: 'R' })
    assert.equal(count, 1)
  })

  it('is INTERNAL on a stream too', async () => {
    const watchIntent = () => {
      throw new Error('hunter2')
    }
    const server = await startServer('intent', [bindSome(IntentServiceService, { watchIntent })])
    const client = await clientOf(IntentServiceService, server, 'operator')
    const watch = async () => {
      for await (const _event of client.watchIntent(WatchIntentRequest.fromPartial({}))) assert.fail()
    }
    await assert.rejects(watch(), { code: status.INTERNAL, message: 'Internal error.' })
  })
})

describe('a call that worked', () => {
  afterEach(stopAll)

  it('is one record at debug level, and is counted', async () => {
    const server = await startServer('intent', [
      bindSome(IntentServiceService, { getIntent: () => Promise.resolve(good) }),
    ])
    const client = await clientOf(IntentServiceService, server, 'operator', { metrics: server.metrics })
    await client.getIntent(request)
    await until(() => server.records.length > 0)
    const [record, ...others] = server.records
    assert.equal(others.length, 0)
    const { level, method, caller, code, durationMs, traceId } = record!
    assert.deepEqual([level, method, caller, code], ['debug', 'IntentService/GetIntent', 'peers/operator', 'OK'])
    assert.equal(typeof durationMs, 'number')
    assert.match(String(traceId), /^[0-9a-f]{32}$/)
    const text = await server.metrics.registry.metrics()
    for (const side of ['server', 'client']) {
      assert.match(
        text,
        new RegExp(`paymesh_${side}_calls_total\\{[^}]*method="IntentService/GetIntent",code="OK"[^}]*\\} 1\n`),
      )
      assert.match(text, new RegExp(`paymesh_${side}_calls_in_flight\\{[^}]*\\} 0\n`))
    }
    assert.match(text, /nodejs_eventloop_lag_seconds/)
  })
})
