import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import http2 from 'node:http2'
import { z } from 'zod'
import { type SigningKey } from '../../docs/examples/sign-request.js'
import { type Answer, errorInfo, intentShape, newPerson, payment, type Person, walletShape } from './api.js'
import { theMesh } from './mesh-under-test.js'
import { newClient, permissions, send, type Sent, signed } from './signed-requests.js'

async function newEd25519Key(client: string): Promise<SigningKey> {
  const { admin } = await theMesh()
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const body = { publicKey: Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url').toString('base64') }
  const path = `/v1/admin/${client}/keys`
  const key = await admin.ok('POST', path, body, 'key', z.object({ name: z.string(), algorithm: z.string() }))
  assert.equal(key.algorithm, 'KEY_ALGORITHM_ED25519')
  return { keyId: key.name, privateKey }
}

async function refused(sent: Sent): Promise<string> {
  const answer = await send(sent)
  return `${answer.status} ${errorInfo(answer).reason}`
}

const settled = (answer: Answer) => {
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  const { intent } = z.object({ intent: intentShape }).parse(answer.body)
  assert.equal(intent.state, 'INTENT_STATE_SETTLED')
  return intent
}

describe('a machine client', () => {
  let alice: Person
  let bob: Person
  let shop: { name: string; key: SigningKey }
  let wallet: string

  before(async () => {
    const { api, operator } = await theMesh()
    alice = await newPerson(api)
    bob = await newPerson(api)
    shop = await newClient({ mayActFor: [alice.name] })
    const request = { requestId: randomUUID(), wallet: { assetCode: 'THB' } }
    const created = await send(await signed(shop.key, 'POST', '/v1/wallets', request))
    const made = z.object({ wallet: walletShape }).parse(created.body).wallet
    assert.equal(made.owner, shop.name)
    wallet = made.name
    await operator.fund(wallet, 100_000n)
    await operator.fund(alice.wallet, 100_000n)
  })

  const pay = (key = shop.key, body: unknown = payment(wallet, bob.wallet, 100n), more = {}) =>
    signed(key, 'POST', '/v1/intents', body, more)
  const list = (key = shop.key, more = {}) => signed(key, 'GET', '/v1/wallets?pageSize=5', undefined, more)

  it('pays from its own wallet by the same call as a user, signed with its secret or its private key', async () => {
    settled(await send(await pay()))
    settled(await send(await pay(await newEd25519Key(shop.name))))
    const { status, body } = await send(await list())
    assert.equal(status, 200)
    assert.deepEqual(z.object({ wallets: z.array(z.object({ name: z.string() })) }).parse(body).wallets.length, 1)
  })

  it('that signs a payment anew under the same request id pays once', async () => {
    const body = payment(wallet, bob.wallet, 100n)
    const first = settled(await send(await pay(shop.key, body)))
    const second = await send(await pay(shop.key, body))
    assert.equal(settled(second).name, first.name)
    assert.equal(second.headers.get('idempotent-replay'), 'true')
  })

  it('pays for a user for whom it may act, and for nobody else', async () => {
    const body = payment(alice.wallet, bob.wallet, 100n)
    const onBehalfOf = alice.name
    const { name } = settled(await send(await pay(shop.key, body, { onBehalfOf })))
    assert.equal((await alice.api.intent(name)).name, name, 'it is the user’s')
    const own = payment(alice.wallet, bob.wallet, 100n)
    assert.equal(await refused(await pay(shop.key, own)), '403 NOT_OWNER')
    const theirs = await pay(shop.key, payment(bob.wallet, alice.wallet, 100n), { onBehalfOf: bob.name })
    assert.equal(await refused(theirs), '403 ACTING_NOT_ALLOWED')
  })

  it('may do no more than it is permitted, whatever the user may', async () => {
    const reader = await newClient({ permissions: ['wallet:read'], mayActFor: ['*'] })
    const { status } = await send(await list(reader.key, { onBehalfOf: alice.name }))
    assert.equal(status, 200)
    const body = payment(alice.wallet, bob.wallet, 100n)
    assert.equal(await refused(await pay(reader.key, body, { onBehalfOf: alice.name })), '403 PERMISSION_MISSING')
  })

  it('gets at nothing of a person but their money, not even for the person', async () => {
    const onBehalfOf = alice.name
    for (const [method, path, body] of [
      ['GET', '/v1/users/me', undefined],
      ['GET', '/v1/sessions', undefined],
      ['POST', '/v1/sessions:revokeOthers', {}],
      ['POST', '/v1/devices:setPin', { pin: '274951' }],
    ] as const) {
      assert.equal(await refused(await signed(shop.key, method, path, body, { onBehalfOf })), '403 PERSON_NEEDED', path)
    }
    assert.equal(await refused(await signed(shop.key, 'GET', '/v1/users/me')), '403 PERSON_NEEDED')
  })

  it('is refused what is not as it was signed', async () => {
    const sent = await pay()
    const { body = '', headers } = sent
    const change = (from: string | RegExp, to: string) => ({
      ...sent,
      headers: { ...headers, 'signature-input': headers['signature-input']!.replace(from, to) },
    })
    const digest = (await pay()).headers['content-digest']!
    const second = Math.floor(Date.now() / 1000) - 5
    const invalid = '401 SIGNATURE_INVALID'
    for (const [name, other, expected] of [
      ['another body', { ...sent, body: body.replace('"100"', '"900"') }, invalid],
      ['another path', { ...sent, path: '/v1/intents:preview' }, invalid],
      ['a query', { ...sent, path: '/v1/intents?a=1' }, invalid],
      ['another digest', { ...sent, headers: { ...headers, 'content-digest': digest } }, invalid],
      ['another time', change(/created=\d+/, `created=${second}`), invalid],
      ['another nonce', change(/nonce="[^"]*"/, `nonce="${randomUUID()}"`), invalid],
      ['no nonce', change(/;nonce="[^"]*"/, ''), '400 SIGNATURE_MALFORMED'],
      ['no digest', change(' "content-digest"', ''), '400 SIGNATURE_MALFORMED'],
      ['no signature', { ...sent, headers: { ...headers, signature: '' } }, '400 SIGNATURE_MALFORMED'],
      ['an old time', await pay(shop.key, undefined, { createdMs: Date.now() - 400_000 }), '401 SIGNATURE_NOT_CURRENT'],
      [
        'a user added',
        { ...sent, headers: { ...headers, 'paymesh-on-behalf-of': alice.name } },
        '400 SIGNATURE_MALFORMED',
      ],
    ] as const) {
      assert.equal(await refused(other), expected, name)
    }
    settled(await send(sent))
    assert.equal(await refused(sent), invalid, 'a replay')
    const nonce = randomUUID()
    settled(await send(await pay(shop.key, payment(wallet, bob.wallet, 100n), { nonce })))
    assert.equal(await refused(await pay(shop.key, payment(wallet, bob.wallet, 200n), { nonce })), invalid)
  })

  it('is who signed, whatever headers and tokens say beside', async () => {
    const claims = Buffer.from(JSON.stringify({ sub: bob.name, permissions })).toString('base64url')
    const forged = { 'x-paymesh-claims': claims, 'x-paymesh-subject': bob.name }
    const sent = await list()
    const answer = await send({
      ...sent,
      headers: { ...sent.headers, ...forged, authorization: `Bearer ${bob.api.token}` },
    })
    assert.equal(answer.status, 200)
    assert.ok(JSON.stringify(answer.body).includes(wallet) && !JSON.stringify(answer.body).includes(bob.wallet))
    const unsigned = { method: 'GET', path: '/v1/wallets', body: undefined }
    const hinted = { ...forged, 'signature-input': '', authorization: `Bearer ${bob.api.token}` }
    assert.equal(await refused({ ...unsigned, headers: hinted }), '400 SIGNATURE_MALFORMED')
  })

  it('is sent away with a body that is too large, over HTTP/1.1 and HTTP/2', async () => {
    const body = { ...payment(wallet, bob.wallet, 100n), padding: 'x'.repeat(66_000) }
    assert.equal(await refused(await pay(shop.key, body)), '413 BODY_TOO_LARGE')
    assert.equal((await overHttp2(await pay(shop.key, body))).status, 413)
    assert.equal((await overHttp2(await pay())).status, 200)
  })

  it('gets no answer but 503 while Identity is down, and is served again afterwards', async () => {
    const mesh = await theMesh()
    await mesh.services.identity.kill()
    try {
      assert.equal(await refused(await list()), '503 SERVICE_UNAVAILABLE')
    } finally {
      await mesh.services.identity.start()
    }
    await mesh.until('signed requests are served', async () => (await send(await list())).status === 200 || undefined)
  })

  it('rotates its secret while requests run, and none of them fails', async () => {
    const { admin } = await theMesh()
    let key = shop.key
    let isOver = false
    const statuses: number[] = []
    const worker = async () => {
      while (!isOver) statuses.push((await send(await list(key))).status)
    }
    const workers = [worker(), worker(), worker()]
    for (let round = 0; round < 3; round++) {
      const before = statuses.length
      const { status, body } = await admin.send('POST', `/v1/admin/${shop.name}:rotateSecret`, {
        requestId: randomUUID(),
      })
      assert.equal(status, 200, JSON.stringify(body))
      const made = z.object({ key: z.object({ name: z.string() }), secret: z.string() }).parse(body)
      key = { keyId: made.key.name, secret: made.secret }
      await (
        await theMesh()
      ).until('requests went on', () => Promise.resolve(statuses.length > before + 10 || undefined))
    }
    isOver = true
    await Promise.all(workers)
    assert.deepEqual(new Set(statuses), new Set([200]))
    assert.equal((await send(await list(shop.key))).status, 200, 'the first secret has a day left')
    shop.key = key
  })

  it('that was disabled is refused with the next request', async () => {
    const { admin } = await theMesh()
    const other = await newClient()
    assert.equal((await send(await list(other.key))).status, 200)
    assert.equal((await admin.send('POST', `/v1/admin/${other.name}:disable`, {})).status, 200)
    assert.equal(await refused(await list(other.key)), '401 SIGNATURE_INVALID')
  })

  it('comes only from where it may', async () => {
    const here = await newClient({ networks: ['127.0.0.0/8', '::1/128'] })
    const elsewhere = await newClient({ networks: ['198.51.100.0/24'] })
    assert.equal((await send(await list(here.key))).status, 200)
    const sent = await list(elsewhere.key)
    const disguised = { ...sent, headers: { ...sent.headers, 'x-forwarded-for': '198.51.100.7' } }
    assert.equal(await refused(disguised), '401 SIGNATURE_INVALID')
  })

  it('administers nothing, and no user administers it', async () => {
    assert.equal(await refused(await signed(shop.key, 'GET', '/v1/admin/clients')), '403 PERMISSION_MISSING')
    const answer = await alice.api.send('GET', '/v1/admin/clients')
    assert.deepEqual([answer.status, errorInfo(answer).reason], [403, 'PERMISSION_MISSING'])
  })
})

/** Sends over HTTP/2 with prior knowledge. */
async function overHttp2({ method, path, body, headers }: Sent): Promise<{ status: number }> {
  const session = http2.connect((await theMesh()).api.url)
  try {
    return await new Promise((resolve, reject) => {
      session.on('error', reject)
      const stream = session.request({ ':method': method, ':path': path, ...headers })
      stream.on('response', (answer) => {
        resolve({ status: Number(answer[':status']) })
      })
      stream.on('error', reject)
      stream.resume()
      stream.end(body)
    })
  } finally {
    session.close()
  }
}
