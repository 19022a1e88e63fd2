import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import http2 from 'node:http2'
import https from 'node:https'
import { createLocalJWKSet, type JSONWebKeySet, decodeJwt, jwtVerify } from 'jose'
import { pino } from 'pino'
import { testCertificates } from '../../../dev/testing.js'
import { createHttpServer, type HttpServer } from '../../runtime/http-server.js'
import type { TlsFiles } from '../../runtime/mesh-credentials.js'
import { answerWellKnown } from '../tokens/well-known.js'
import { TestIdentity } from './harness.js'

interface Answer {
  status: number
  headers: http2.IncomingHttpHeaders
  body: string
}

function readTls(tls: TlsFiles): { cert: string; key: string; ca: string } {
  const read = (path: string): string => readFileSync(path, 'utf8')
  return { cert: read(tls.certFile), key: read(tls.keyFile), ca: read(tls.caFile) }
}

describe('the key set and discovery', () => {
  let identity: TestIdentity
  let server: HttpServer
  let certificates: Awaited<ReturnType<typeof testCertificates>>
  before(async () => {
    identity = await TestIdentity.start()
    certificates = await testCertificates()
    server = createHttpServer({
      listenAddress: 'localhost:0',
      tls: certificates.of('identity'),
      peers: ['edge', 'operator'],
      requestTimeoutMs: 5000,
      handle: ({ method, path }) =>
        Promise.resolve(answerWellKnown({ ...identity.parts, issuer: 'https://paymesh.test/' }, method, path)),
      log: pino({ level: 'silent' }),
    })
    await server.listen()
  })
  after(async () => {
    await server.drain()
    await identity.stop()
  })

  const ask = (method: string, path: string, tls: object = readTls(certificates.of('edge'))): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const session = http2.connect(`https://localhost:${server.port}`, tls)
      const fail = (error: Error): void => {
        session.destroy()
        reject(error)
      }
      session.on('error', fail)
      session.on('close', () => {
        reject(new Error('closed'))
      })
      const stream = session.request({ ':method': method, ':path': path })
      let headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader = {}
      const chunks: Buffer[] = []
      stream.on('error', fail)
      stream.on('response', (received) => (headers = received))
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const { ':status': status } = headers
        if (status === undefined) return // The stream ended without an answer; the session will say why.
        resolve({ status, headers, body: Buffer.concat(chunks).toString() })
        session.close()
      })
    })

  it('give a key set that verifies an access token', async () => {
    const { status, headers, body } = await ask('GET', '/.well-known/jwks.json')
    assert.equal(status, 200)
    assert.equal(headers['content-type'], 'application/json')
    assert.equal(headers['cache-control'], 'public, max-age=60')
    const { accessToken } = await identity.signIn()
    const keys = createLocalJWKSet(JSON.parse(body) as JSONWebKeySet)
    await jwtVerify(accessToken, keys, { currentDate: new Date(identity.clock.nowMs()) })
  })

  it('hold nothing private', async () => {
    const { body } = await ask('GET', '/.well-known/jwks.json')
    const { keys } = JSON.parse(body) as { keys: object[] }
    assert.deepEqual(
      keys.map((key) => Object.keys(key).sort()),
      [['alg', 'crv', 'kid', 'kty', 'use', 'x']],
    )
  })

  it('lead from discovery to the key set', async () => {
    const { status, body } = await ask('GET', '/.well-known/openid-configuration')
    assert.equal(status, 200)
    const document = JSON.parse(body) as Record<string, unknown>
    assert.equal(document['issuer'], 'https://paymesh.test/')
    assert.equal(document['jwks_uri'], 'https://paymesh.test/.well-known/jwks.json')
    assert.deepEqual(document['id_token_signing_alg_values_supported'], ['EdDSA'])
    assert.deepEqual(document['acr_values_supported'], ['pwd', 'device', 'pin'])
    const { accessToken } = await identity.signIn()
    assert.deepEqual(Object.keys(decodeJwt(accessToken)).sort(), [...(document['claims_supported'] as string[])].sort())
  })

  const cases: [string, string, number, boolean][] = [
    ['GET', '/.well-known/jwks.json?at=1', 200, true],
    ['HEAD', '/.well-known/jwks.json', 200, false],
    ['POST', '/.well-known/jwks.json', 405, true],
    ['GET', '/.well-known/', 404, true],
    ['GET', '/', 404, true],
    ['GET', '/.well-known/jwks.json/', 404, true],
    ['DELETE', '/users', 404, true],
  ]
  for (const [method, path, expected, withBody] of cases) {
    it(`answer ${expected} to ${method} ${path}`, async () => {
      const { status, body } = await ask(method, path)
      assert.equal(status, expected)
      assert.equal(body.length > 0, withBody)
    })
  }

  it('are open to an operator', async () => {
    const { status } = await ask('GET', '/.well-known/jwks.json', readTls(certificates.of('operator')))
    assert.equal(status, 200)
  })

  const refused: [string, () => object][] = [
    ['another peer of the mesh', () => readTls(certificates.of('intent'))],
    ['a stranger', () => readTls(certificates.of('stranger'))],
    ['a certificate of another authority', () => readTls(certificates.foreignCa())],
    ['no certificate', () => ({ ca: readTls(certificates.of('edge')).ca })],
    ['TLS 1.2', () => ({ ...readTls(certificates.of('edge')), maxVersion: 'TLSv1.2' })],
  ]
  for (const [name, tls] of refused) {
    it(`are closed to ${name}`, async () => {
      await assert.rejects(ask('GET', '/.well-known/jwks.json', tls()))
    })
  }

  it('are closed to HTTP/1.1', async () => {
    const options = { ...readTls(certificates.of('edge')), port: server.port, path: '/.well-known/jwks.json' }
    const answer = new Promise((resolve, reject) => {
      https.get({ host: 'localhost', ...options }, resolve).on('error', reject)
    })
    await assert.rejects(answer)
  })
})
