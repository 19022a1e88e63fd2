import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Metadata, status } from '@grpc/grpc-js'
import { injectTrace, newTrace, startSpan, startTracing, traceFrom, tracingEnabled } from '../tracing.js'

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

function metadataOf(headers: Record<string, string>): Metadata {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
  return metadata
}

describe('a trace', () => {
  it('is carried on unchanged when nothing records it', () => {
    const trace = traceFrom(metadataOf({ traceparent, tracestate: 'vendor=1' }))
    assert.equal(trace.traceId, '0af7651916cd43dd8448eb211c80319c')
    const carried = new Metadata()
    injectTrace(trace, carried)
    assert.deepEqual(carried.get('traceparent'), [traceparent])
    assert.deepEqual(carried.get('tracestate'), ['vendor=1'])
  })

  for (const header of [undefined, 'nonsense', '00-00000000000000000000000000000000-b7ad6b7169203331-01']) {
    it(`begins anew when the header is ${header ?? 'absent'}`, () => {
      const trace = traceFrom(metadataOf(header === undefined ? {} : { traceparent: header }))
      assert.match(trace.traceId, /^(?!0{32})[0-9a-f]{32}$/)
      assert.notEqual(trace.traceId, newTrace().traceId)
    })
  }

  it('is exported by OTLP when a collector is named', async () => {
    const bodies: string[] = []
    const collector = createServer((request: IncomingMessage, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        bodies.push(`${request.url ?? ''} ${body}`)
        response.end('{}')
      })
    })
    await new Promise<void>((resolve) => collector.listen(0, 'localhost', resolve))
    const { port } = collector.address() as AddressInfo
    const stop = await startTracing('ledger', `http://localhost:${port}`)
    assert.equal(tracingEnabled(), true)
    const span = startSpan('AccountService/GetAccount', 'server', traceFrom(metadataOf({ traceparent })))
    assert.equal(span.trace.traceId, '0af7651916cd43dd8448eb211c80319c')
    span.end(status.OK)
    await stop()
    collector.close()
    assert.equal(tracingEnabled(), false)
    const [body = ''] = bodies
    assert.match(body, /^\/v1\/traces /)
    assert.match(body, /AccountService\/GetAccount/)
    assert.match(body, /0af7651916cd43dd8448eb211c80319c/)
  })
})
