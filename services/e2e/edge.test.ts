import assert from 'node:assert/strict'
import http2 from 'node:http2'
import { readFileSync } from 'node:fs'
import { type Answer, type Person, errorInfo, newPerson, payment, walletShape } from './api.js'
import { assetPath } from '../runtime/assets.js'
import { theMesh } from './mesh-under-test.js'

const claims = (subject: string): string =>
  Buffer.from(
    JSON.stringify({
      sub: subject,
      sid: 'sessions/x',
      roles: ['admin'],
      permissions: ['wallet:read', 'funding:write'],
      tags: [],
      acr: 'pin',
    }),
  ).toString('base64url')

function assertRefusal(answer: Answer, status: number, code: number, reason: string): void {
  assert.equal(answer.status, status, JSON.stringify(answer.body))
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
  const info = errorInfo(answer)
  assert.deepEqual({ code: info.code, reason: info.reason }, { code, reason })
}

describe('the edge', () => {
  let alice: Person
  let bob: Person

  before(async () => {
    const { api } = await theMesh()
    alice = await newPerson(api)
    bob = await newPerson(api)
  })

  describe('refuses in one JSON shape', () => {
    it('no token: 401', async () => {
      const { api } = await theMesh()
      assertRefusal(await api.send('GET', '/v1/wallets'), 401, 16, 'NOT_SIGNED_IN')
    })

    it('a token that does not verify: 401', async () => {
      const { api } = await theMesh()
      const [header, payload] = alice.api.token!.split('.')
      assertRefusal(await api.as(`${header}.${payload}.AAAA`).send('GET', '/v1/wallets'), 401, 16, 'NOT_SIGNED_IN')
    })

    it('a token in the query: 401', async () => {
      const { api } = await theMesh()
      assertRefusal(await api.send('GET', `/v1/wallets?access_token=${alice.api.token}`), 401, 16, 'NOT_SIGNED_IN')
    })

    it('another user’s wallet: 403', async () => {
      assertRefusal(await alice.api.send('GET', `/v1/${bob.wallet}`), 403, 7, 'NOT_OWNER')
    })

    it('another user’s wallet named in the query of one’s own: 403', async () => {
      const answer = await alice.api.send('GET', `/v1/${alice.wallet}?name=${encodeURIComponent(bob.wallet)}`)
      assertRefusal(answer, 403, 7, 'NOT_OWNER')
    })

    it('a permission the user lacks: 403', async () => {
      const amount = { assetCode: 'THB', minorUnits: '100' }
      const answer = await alice.api.send('POST', `/v1/${alice.wallet}:fund`, { requestId: 'x', amount })
      assertRefusal(answer, 403, 7, 'PERMISSION_MISSING')
    })

    it('an unknown path: 404, with and without a token', async () => {
      const { api } = await theMesh()
      for (const caller of [api, alice.api])
        assertRefusal(await caller.send('GET', '/v1/nothing'), 404, 5, 'NO_SUCH_PATH')
    })

    it('a method that the path does not have: 404', async () => {
      assertRefusal(await alice.api.send('DELETE', '/v1/wallets'), 404, 5, 'NO_SUCH_PATH')
    })

    it('an unknown query parameter: 400, naming it', async () => {
      const answer = await alice.api.send('GET', '/v1/wallets?colour=red')
      assertRefusal(answer, 400, 3, 'MALFORMED_REQUEST')
      assert.match(JSON.stringify(answer.body), /colour/)
    })

    it('broken JSON: 400', async () => {
      assertRefusal(await alice.api.send('POST', '/v1/intents', '{"intent":'), 400, 3, 'MALFORMED_REQUEST')
    })

    it('a body that is too large: 413', async () => {
      const body = { ...payment(alice.wallet, bob.wallet, 100n), padding: 'x'.repeat(70_000) }
      assertRefusal(await alice.api.send('POST', '/v1/intents', body), 413, 3, 'BODY_TOO_LARGE')
    })

    it('too many requests from one address: 429 with retry-after', async () => {
      const { api } = await theMesh()
      const refresh = () => api.send('POST', '/v1/sessions:refresh', { refreshToken: 'nothing' })
      let refused: Answer | undefined
      for (let round = 0; round < 40 && refused === undefined; round++) {
        const answers = await Promise.all(Array.from({ length: 25 }, refresh))
        refused = answers.find(({ status }) => status === 429)
      }
      assert.ok(refused !== undefined, 'a thousand requests were all let through')
      assertRefusal(refused, 429, 8, 'RATE_LIMITED')
      assert.equal(refused.headers.get('retry-after'), '1')
    })
  })

  it('shows what it offers, as OpenAPI, to anybody', async () => {
    const { api } = await theMesh()
    const { status, headers, body } = await api.send('GET', '/v1/openapi.json')
    assert.deepEqual([status, headers.get('content-type')], [200, 'application/json; charset=utf-8'])
    assert.deepEqual(body, JSON.parse(readFileSync(assetPath('docs/openapi.json'), 'utf8')))
  })

  it('says that it serves, for whatever balances load before it', async () => {
    const { api } = await theMesh()
    const { status, body } = await api.send('GET', '/healthz')
    assert.deepEqual({ status, body }, { status: 200, body: { status: 'serving' } })
  })

  describe('keeps the inside inside', () => {
    it('has no path to RPCs that the contracts do not offer', async () => {
      for (const method of [
        'paymesh.ledger.v1.TransferService/CreateTransfers',
        'paymesh.rules.v1.DecisionService/Decide',
        'paymesh.intent.v1.IntentService/CreateIntent',
      ]) {
        assertRefusal(await alice.api.send('POST', `/${method}`, {}), 404, 5, 'NO_SUCH_PATH')
      }
    })

    it('speaks no gRPC', async () => {
      const mesh = await theMesh()
      for (const path of [
        '/paymesh.ledger.v1.TransferService/CreateTransfers',
        '/v1/wallets',
        '/grpc.health.v1.Health/Check',
      ]) {
        const headers = await nativeGrpc(mesh.api.url, path, alice.api.token!)
        assert.notEqual(headers['grpc-status'], '0')
        assert.match(String(headers['grpc-message']), /UNSUPPORTED_MEDIA_TYPE/)
      }
    })

    it('does not believe identity headers that a client sends', async () => {
      const { api } = await theMesh()
      const forged = { 'x-paymesh-claims': claims(bob.name), 'X-Paymesh-Subject': bob.name }
      assertRefusal(await api.send('GET', `/v1/${bob.wallet}`, undefined, forged), 401, 16, 'NOT_SIGNED_IN')
      assertRefusal(await alice.api.send('GET', `/v1/${bob.wallet}`, undefined, forged), 403, 7, 'NOT_OWNER')
      const own = await alice.api.send('GET', `/v1/${alice.wallet}`, undefined, forged)
      assert.equal(own.status, 200)
      assert.equal(walletShape.parse((own.body as { wallet: unknown }).wallet).owner, alice.name)
    })

    it('refuses headers with underscores', async () => {
      const answer = await alice.api.send('GET', '/v1/wallets', undefined, { x_paymesh_claims: claims(bob.name) })
      assertRefusal(answer, 400, 3, 'MALFORMED_REQUEST')
    })

    it('shows JSON callers nothing of gRPC', async () => {
      const answer = await alice.api.send('GET', '/v1/wallets')
      assert.deepEqual(
        [...answer.headers.keys()].filter((name) => name.startsWith('grpc-')),
        [],
      )
    })
  })

  describe('while a service is down', () => {
    it('answers 503 in the same shape, and serves again when it is back', async () => {
      const mesh = await theMesh()
      await mesh.services.intent.kill()
      try {
        assertRefusal(await alice.api.send('GET', '/v1/wallets'), 503, 14, 'SERVICE_UNAVAILABLE')
      } finally {
        await mesh.services.intent.start()
      }
      await mesh.untilServed(alice.api)
      assert.equal((await alice.api.send('GET', '/v1/wallets')).status, 200)
    })
  })
})

/** A gRPC request as a gRPC client would send it: HTTP/2 with prior knowledge. Answers the headers (trailers-only). */
async function nativeGrpc(url: string, path: string, token: string): Promise<http2.IncomingHttpHeaders> {
  const session = http2.connect(url)
  try {
    return await new Promise((resolve, reject) => {
      session.on('error', reject)
      const stream = session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        authorization: `Bearer ${token}`,
      })
      stream.on('response', resolve)
      stream.on('error', reject)
      stream.resume()
      stream.end(Buffer.alloc(5))
    })
  } finally {
    session.close()
  }
}
