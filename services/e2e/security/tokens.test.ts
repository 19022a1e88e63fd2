import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, randomUUID, sign as signBytes } from 'node:crypto'
import { exportJWK, SignJWT } from 'jose'
import pg from 'pg'
import { openSigningKey, signingKeyStates } from '../../identity/tokens/signing-key.js'
import { SigningKeyStore } from '../../identity/tokens/signing-key-store.js'
import { errorInfo, newPerson, type Person } from '../api.js'
import { theMesh } from '../mesh-under-test.js'

type Part = Readonly<Record<string, unknown>>

/** What does an attacker with some kind of key, or none, get for a token? Nothing but 401. */
describe('a token that Identity did not make, or not for this', () => {
  let alice: Person
  let header: { alg: string; kid: string; typ: string }
  let payload: Part & { exp: number; iat: number }
  /** Signs with Identity's own key, which no attacker has. */
  let signAsIdentity: (payload: Part, header?: Part) => Promise<string>
  let publicJwk: Part

  before(async () => {
    const mesh = await theMesh()
    alice = await newPerson(mesh.api)
    const parts = alice.api.token!.split('.').map((part) => Buffer.from(part, 'base64url').toString())
    header = JSON.parse(parts[0]!) as typeof header
    payload = JSON.parse(parts[1]!) as typeof payload
    const pool = new pg.Pool({ connectionString: mesh.databaseUrl('identity') })
    const rows = await new SigningKeyStore(pool).list(Date.now())
    await pool.end()
    const row = signingKeyStates(rows, Date.now()).find(({ state }) => state === 'signing')?.key
    assert.ok(row)
    const key = await openSigningKey(mesh.keyring, row)
    publicJwk = { ...row.publicJwk }
    signAsIdentity = (claims, more = {}) => new SignJWT(claims).setProtectedHeader({ ...header, ...more }).sign(key)
  })

  const encode = (part: Part) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const unsigned = (head: Part, body: Part = payload) => `${encode(head)}.${encode(body)}`
  const answerTo = async (token: string) => (await theMesh()).api.as(token).send('GET', `/v1/${alice.wallet}`)

  it('is what these tests make when they change nothing: 200', async () => {
    assert.equal((await answerTo(await signAsIdentity(payload))).status, 200)
  })

  const stranger = generateKeyPairSync('ed25519')
  const seconds = () => Math.floor(Date.now() / 1000)
  const attacks: Record<string, () => Promise<string> | string> = {
    'no signature, alg none': () => `${unsigned({ alg: 'none', typ: 'JWT' })}.`,
    'alg none with the kid and a signature': () =>
      `${unsigned({ ...header, alg: 'none' })}.${alice.api.token!.split('.')[2]}`,
    'alg None, written otherwise': () => `${unsigned({ alg: 'nOnE', typ: 'JWT' })}.`,
    'an empty signature': () => `${unsigned(header)}.`,
    'no third part': () => unsigned(header),
    'five parts': () => `${alice.api.token}.x.y`,
    'another key under the kid': () => {
      const text = unsigned(header)
      return `${text}.${signBytes(null, Buffer.from(text), stranger.privateKey).toString('base64url')}`
    },
    'another key, which the header brings along': async () => {
      const jwk = { ...(await exportJWK(stranger.publicKey)), alg: 'EdDSA' }
      const text = unsigned({ alg: 'EdDSA', typ: 'JWT', jwk })
      return `${text}.${signBytes(null, Buffer.from(text), stranger.privateKey).toString('base64url')}`
    },
    'another key, to be fetched from elsewhere': () => {
      const text = unsigned({ alg: 'EdDSA', typ: 'JWT', kid: 'x', jku: 'http://127.0.0.1:1/jwks.json' })
      return `${text}.${signBytes(null, Buffer.from(text), stranger.privateKey).toString('base64url')}`
    },
    'a kid that nobody has': () => signAsIdentity(payload, { kid: randomUUID() }),
    'a kid that is a path': () => signAsIdentity(payload, { kid: '../../../../dev/null' }),
    'the public key as the secret of an HMAC': () => {
      const text = unsigned({ alg: 'HS256', typ: 'JWT', kid: header.kid })
      const secret = Buffer.from(JSON.stringify(publicJwk))
      return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
    },
    'the raw public key as the secret of an HMAC': () => {
      const text = unsigned({ alg: 'HS256', typ: 'JWT', kid: header.kid })
      const secret = Buffer.from(String(publicJwk['x']), 'base64url')
      return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
    },
    'the right signature under another algorithm': () => {
      const [, , signature] = alice.api.token!.split('.')
      return `${unsigned({ ...header, alg: 'ES256' })}.${signature}`
    },
    'other claims under an old signature': () => {
      const [head, , signature] = alice.api.token!.split('.')
      return `${head}.${encode({ ...payload, permissions: ['ledger:admin'] })}.${signature}`
    },
    'a time that is over': () => signAsIdentity({ ...payload, iat: seconds() - 900, exp: seconds() - 10 }),
    'a time that has not begun': () => signAsIdentity({ ...payload, nbf: seconds() + 600 }),
    'no end': () => {
      const { exp: _, ...endless } = payload
      return signAsIdentity(endless)
    },
    'an end in words': () => signAsIdentity({ ...payload, exp: 'never' }),
    'another audience': () => signAsIdentity({ ...payload, aud: 'somebody-else' }),
    'no audience': () => signAsIdentity({ ...payload, aud: undefined }),
    'another issuer': () => signAsIdentity({ ...payload, iss: 'https://paymesh.example.com' }),
    'no issuer': () => signAsIdentity({ ...payload, iss: undefined }),
    'not a token': () => 'paymesh',
    'a token of 30 KiB': () => 'e'.repeat(30_000),
  }
  for (const [what, token] of Object.entries(attacks)) {
    it(`has ${what}: 401`, async () => {
      const answer = await answerTo(await token())
      assert.equal(answer.status, 401, JSON.stringify(answer.body))
      assert.equal(errorInfo(answer).reason, 'NOT_SIGNED_IN')
    })
  }

  it('is Identity’s, and says nothing that a service could use: 401', async () => {
    for (const sub of ['', 'alice', 'operators/1', `users/${'x'.repeat(200)}`, 'users/../x', undefined]) {
      const answer = await answerTo(await signAsIdentity({ ...payload, sub }))
      assert.equal(answer.status, 401, `${sub}: ${JSON.stringify(answer.body)}`)
    }
  })

  it('is in a header twice, or beside another kind of credential: no more than the token alone', async () => {
    const { api } = await theMesh()
    const basic = await api.send('GET', '/v1/wallets', undefined, { authorization: 'Basic YWxpY2U6cGFzcw==' })
    assert.equal(basic.status, 401)
    const cookie = await api.send('GET', '/v1/wallets', undefined, { cookie: `access_token=${alice.api.token}` })
    assert.equal(cookie.status, 401)
  })
})
