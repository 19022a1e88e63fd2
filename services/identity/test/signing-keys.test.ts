import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createLocalJWKSet, jwtVerify } from 'jose'
import type pg from 'pg'
import { pino } from 'pino'
import { testDatabase } from '../../../dev/testing.js'
import { createPool } from '../../runtime/postgres.js'
import { signAccessToken } from '../tokens/access-token.js'
import { Keyring } from '../../runtime/keyring.js'
import { Secret } from '../../runtime/secret.js'
import { newSigningKey } from '../tokens/signing-key.js'
import { whoInside } from '../audit/audit-who.js'
import { SigningKeyStore } from '../tokens/signing-key-store.js'
import { SigningKeys } from '../tokens/signing-keys.js'
import { TestClock } from './harness.js'

const log = pino({ level: 'silent' })

describe('SigningKeys', () => {
  const keyring = new Keyring([{ id: 'one', key: new Secret(randomBytes(32), 'key') }])
  const started: SigningKeys[] = []
  let clock: TestClock
  let pool: pg.Pool
  let store: SigningKeyStore
  beforeEach(async () => {
    clock = new TestClock()
    pool = createPool({ url: await testDatabase('identity'), max: 20, applicationName: 'identity' })
    store = new SigningKeyStore(pool)
  })
  afterEach(async () => {
    for (const keys of started.splice(0)) keys.stop()
    if (!pool.ended) await pool.end()
  })

  const start = async (ring = keyring): Promise<SigningKeys> => {
    const keys = await SigningKeys.start({ store, keyring: ring, clock, log, rotateAfterMs: 30 * 86_400_000 })
    started.push(keys)
    return keys
  }
  const sign = async (keys: SigningKeys): Promise<string> => {
    const token = await signAccessToken(keys.signer(), {
      issuer: 'https://paymesh.test',
      audience: 'paymesh',
      userId: 'u',
      sessionId: 's',
      roles: [],
      tags: [],
      level: 'pwd',
      issueTimeMs: clock.nowMs(),
      expireTimeMs: clock.nowMs() + 900_000,
      tokenId: 't',
    })
    return token.reveal()
  }
  const verify = (keys: SigningKeys, token: string) =>
    jwtVerify(token, createLocalJWKSet({ keys: [...keys.published()] }), { currentDate: new Date(clock.nowMs()) })

  it('agrees on one first key however many replicas start at once', async () => {
    const replicas = await Promise.all(Array.from({ length: 8 }, () => start()))
    const kids = new Set(replicas.map((keys) => keys.signer().kid))
    assert.equal(kids.size, 1)
    assert.equal((await pool.query('select 1 from signing_keys')).rowCount, 1)
    const [one, two] = replicas
    await verify(two!, await sign(one!))
  })

  it('keeps its key over a restart', async () => {
    const before = await start()
    const token = await sign(before)
    const after = await start()
    assert.equal(after.signer().kid, before.signer().kid)
    await verify(after, token)
  })

  it('lets no private member and no private byte into the key set', async () => {
    const keys = await start()
    const [published, ...others] = keys.published()
    assert.equal(others.length, 0)
    assert.deepEqual(Object.keys(published!).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x'])
    const { rows } = await pool.query<{ wrapped: Buffer; row: string }>(
      'select wrapped_private_jwk as wrapped, signing_keys::text as row from signing_keys',
    )
    const [stored] = rows
    const kid = published!.kid
    const opened = keyring.unwrap({ keyId: 'one', sealed: stored!.wrapped }, `signingKeys/${kid}#private_jwk`)
    const { d } = JSON.parse(opened.reveal().toString()) as { d: string }
    assert.equal(Buffer.from(d, 'base64url').length, 32)
    assert.ok(!JSON.stringify(keys.published()).includes(d))
    assert.ok(!stored!.row.includes(d) && !stored!.row.includes(Buffer.from(d).toString('hex')))
  })

  it('changes key without a token that does not verify', async () => {
    const keys = await start()
    const first = keys.signer().kid
    const old = await sign(keys)
    const nowMs = clock.nowMs()
    const second = await newSigningKey(keyring, 'ES256', {
      generation: 2,
      publishTimeMs: nowMs,
      signTimeMs: nowMs + 135_000,
    })
    assert.equal(await store.add(second, whoInside('identity')), 'added')
    assert.equal(await store.add(second, whoInside('identity')), 'generation_exists')

    await keys.reload()
    assert.equal(keys.signer().kid, first)
    assert.deepEqual(
      keys.published().map(({ kid }) => kid),
      [first, second.kid],
    )

    clock.advance(135_000)
    assert.equal(keys.signer().kid, second.kid)
    assert.equal(keys.signer().algorithm, 'ES256')
    await verify(keys, old)
    await verify(keys, await sign(keys))

    await pool.query('update signing_keys set retire_time = $1 where generation = 1', [
      new Date(clock.nowMs() + 900_000),
    ])
    await keys.reload()
    await verify(keys, old.length > 0 ? await sign(keys) : old)
    clock.advance(900_000)
    assert.deepEqual(
      keys.published().map(({ kid }) => kid),
      [second.kid],
    )
  })

  it('goes on signing while the database is away', async () => {
    const keys = await start()
    await pool.end()
    await assert.rejects(keys.reload())
    await verify(keys, await sign(keys))
  })

  it('does not start with a key-encryption key missing, and names it', async () => {
    await start()
    const other = new Keyring([{ id: 'two', key: new Secret(randomBytes(32), 'key') }])
    await assert.rejects(start(other), /key-encryption key "one" of signingKeys\/.* is not in KEY_ENCRYPTION_KEYS/)
  })

  it('does not start with another key under the same id', async () => {
    await start()
    const other = new Keyring([{ id: 'one', key: new Secret(randomBytes(32), 'key') }])
    await assert.rejects(start(other), /does not open/)
  })
})
