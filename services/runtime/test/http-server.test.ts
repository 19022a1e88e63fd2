import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect, type ClientHttp2Session } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { connect as tlsConnect } from 'node:tls'
import { testCertificates } from '../../../dev/testing.js'
import { createHttpServer, type HttpAnswer, type HttpRequest, type HttpServer } from '../http-server.js'
import { createLogger } from '../logger.js'
import type { TlsFiles } from '../mesh-credentials.js'
import { deferred, until } from './running-server.js'

const pem = ({ certFile, keyFile, caFile }: TlsFiles) => ({
  cert: readFileSync(certFile),
  key: readFileSync(keyFile),
  ca: readFileSync(caFile),
})

describe('the HTTP/2 server', () => {
  let records: string[]
  let server: HttpServer
  let handle: (request: HttpRequest) => Promise<HttpAnswer>
  let session: ClientHttp2Session
  let edge: TlsFiles

  beforeEach(async () => {
    records = []
    const certificates = await testCertificates()
    edge = certificates.of('edge')
    server = createHttpServer({
      listenAddress: 'localhost:0',
      tls: certificates.of('identity'),
      peers: ['edge'],
      requestTimeoutMs: 5000,
      handle: (request) => handle(request),
      log: createLogger({
        name: 'test',
        level: 'info',
        destination: { write: (record: string) => records.push(record) },
      }),
    })
    await server.listen()
    session = connect(`https://localhost:${server.port}`, pem(edge))
  })
  afterEach(async () => {
    session.close()
    await server.drain()
  })

  function post(body: Buffer): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const stream = session.request({ ':method': 'POST', ':path': '/x?y=1' })
      let status = 0
      let text = ''
      stream.on('response', (headers) => (status = headers[':status'] ?? 0))
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
      stream.on('end', () => {
        resolve({ status, body: text })
      })
      stream.on('error', reject)
      stream.end(body)
    })
  }

  it('gives the handler method, path and body, and sends what it answers', async () => {
    handle = async (request) => {
      const body = await request.body(10)
      return {
        status: 201,
        headers: { 'content-type': 'text/plain' },
        body: `${request.method} ${request.path} ${String(body)}`,
      }
    }
    assert.deepEqual(await post(Buffer.from('hello')), { status: 201, body: 'POST /x?y=1 hello' })
  })

  it('stops reading a body that is over the most, however large it grows', async () => {
    handle = async (request) => ({
      status: (await request.body(10)) === undefined ? 413 : 200,
      headers: {},
      body: 'no',
    })
    assert.equal((await post(Buffer.alloc(10))).status, 200)
    assert.equal((await post(Buffer.alloc(11))).status, 413)
    assert.deepEqual(await post(Buffer.alloc(10_000_000)), { status: 413, body: 'no' })
    assert.equal((await post(Buffer.alloc(10))).status, 200)
  })

  it('answers 500 and nothing of the cause when the handler fails, and logs it once', async () => {
    handle = () => Promise.reject(new Error('the inside'))
    assert.deepEqual(await post(Buffer.alloc(0)), { status: 500, body: '' })
    assert.equal(records.filter((record) => record.includes('the inside')).length, 1)
  })

  it('answers what it accepted before it drained, and ends idle connections', async () => {
    const answer = deferred<HttpAnswer>()
    let handled = 0
    handle = () => {
      handled += 1
      return answer.promise
    }
    const response = post(Buffer.alloc(0))
    await until(() => handled === 1)
    let drained = false
    const draining = server.drain().then(() => (drained = true))
    assert.equal(drained, false)
    answer.resolve({ status: 200, headers: {}, body: 'late' })
    assert.deepEqual(await response, { status: 200, body: 'late' })
    await draining
    await until(() => session.closed)
  })

  it('logs nothing when a client breaks off', async () => {
    const gone = deferred<undefined>()
    handle = async (request) => {
      try {
        await request.body(10)
      } finally {
        gone.resolve(undefined)
      }
      return { status: 200, headers: {}, body: '' }
    }
    const stream = session.request({ ':method': 'POST', ':path': '/' }, { endStream: false })
    stream.on('error', () => undefined)
    stream.write('x')
    stream.on('ready', () => {
      stream.destroy()
    })
    await gone.promise
    assert.deepEqual(records, [])
  })

  it('speaks HTTP/2 and TLS 1.3 only', async () => {
    const options = { ...pem(edge), host: 'localhost', port: server.port }
    await assert.rejects(
      new Promise((resolve, reject) => {
        httpsRequest(options, resolve).on('error', reject).end()
      }),
    )
    await assert.rejects(
      new Promise((resolve, reject) => {
        const socket = tlsConnect({ ...options, ALPNProtocols: ['h2'], maxVersion: 'TLSv1.2' }, () => {
          resolve(socket.destroy())
        }).on('error', reject)
      }),
    )
  })
})
