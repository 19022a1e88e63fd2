import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createLocalJWKSet, type JWTVerifyGetKey, jwtVerify } from 'jose'
import type pg from 'pg'
import { pino } from 'pino'
import { testDatabase } from '../../../dev/testing.js'
import { Keyring } from '../../runtime/keyring.js'
import { createPool } from '../../runtime/postgres.js'
import { Secret } from '../../runtime/secret.js'
import { whoInside } from '../audit/audit-who.js'
import { accessLifeMs } from '../sessions/session.js'
import { signAccessToken } from '../tokens/access-token.js'
import { keySetAgeMsMax, publishLeadMs, reloadIntervalMs, rotateSigningKey } from '../tokens/signing-key-rotation.js'
import { SigningKeyStore } from '../tokens/signing-key-store.js'
import { SigningKeys } from '../tokens/signing-keys.js'
import { TestClock } from './harness.js'

const log = pino({ level: 'silent' })
const keyBase64 = Buffer.alloc(32, 1).toString('base64')
const keyring = new Keyring([{ id: 'one', key: new Secret(Buffer.alloc(32, 1), 'key') }])
const dayMs = 86_400_000
const who = whoInside('command')

/** A verifier as the edge is one: keeps the key set for its time, and does not fetch for a key that it does not know. */
class Verifier {
  readonly #clock: TestClock
  readonly #sources: readonly SigningKeys[]
  #keys: JWTVerifyGetKey | undefined
  #fetchedMs = 0
  #fetchCount = 0

  constructor(clock: TestClock, sources: readonly SigningKeys[]) {
    this.#clock = clock
    this.#sources = sources
  }

  async verify(token: string): Promise<void> {
    const nowMs = this.#clock.nowMs()
    if (this.#keys === undefined || nowMs - this.#fetchedMs >= keySetAgeMsMax) {
      // Whichever replica answers.
      const source = this.#sources[this.#fetchCount++ % this.#sources.length]!
      this.#keys = createLocalJWKSet({ keys: [...source.published()] })
      this.#fetchedMs = nowMs
    }
    await jwtVerify(token, this.#keys, { currentDate: new Date(nowMs) })
  }
}

describe('rotation of signing keys', () => {
  const started: SigningKeys[] = []
  let clock: TestClock
  let url: string
  let pool: pg.Pool
  let store: SigningKeyStore
  beforeEach(async () => {
    clock = new TestClock()
    url = await testDatabase('identity')
    pool = createPool({ url, max: 10, applicationName: 'identity' })
    store = new SigningKeyStore(pool)
  })
  afterEach(async () => {
    for (const keys of started.splice(0)) keys.stop()
    await pool.end()
  })

  const start = async (): Promise<SigningKeys> => {
    const keys = await SigningKeys.start({ store, keyring, clock, log, rotateAfterMs: dayMs })
    started.push(keys)
    return keys
  }
  const sign = async (keys: SigningKeys): Promise<{ token: string; expireTimeMs: number }> => {
    const expireTimeMs = clock.nowMs() + accessLifeMs
    const token = await signAccessToken(keys.signer(), {
      issuer: 'https://paymesh.test',
      audience: 'paymesh',
      userId: 'u',
      sessionId: 's',
      roles: [],
      tags: [],
      level: 'pwd',
      issueTimeMs: clock.nowMs(),
      expireTimeMs,
      tokenId: 't',
    })
    return { token: token.reveal(), expireTimeMs }
  }

  it('fails no token, with two replicas and verifiers that fetch at the worst moments', async () => {
    const replicas = [await start(), await start()]
    const first = replicas[0]!.signer().kid
    const stepMs = 5000
    const verifiers = Array.from({ length: keySetAgeMsMax / stepMs }, () => new Verifier(clock, replicas))
    let live: Awaited<ReturnType<typeof sign>>[] = []
    let verified = 0
    for (let step = 0; step * stepMs < publishLeadMs + accessLifeMs + 5 * 60_000; step++) {
      // Half a reload apart.
      if ((step * stepMs) % reloadIntervalMs === 0) await replicas[0]!.reload()
      if ((step * stepMs) % reloadIntervalMs === 10_000) await replicas[1]!.reload()
      if (step === 13) await rotateSigningKey({ store, keyring, clock, who }, 'ES256')
      live.push(...(await Promise.all(replicas.map(sign))))
      live = live.filter(({ expireTimeMs }) => expireTimeMs > clock.nowMs() + 1000)
      // The newest and the oldest: those that a verifier may not know yet, or not any more.
      for (const { token } of [...live.slice(-2), ...live.slice(0, 2)]) {
        for (const verifier of verifiers.slice(step % 3, (step % 3) + 4)) await verifier.verify(token)
        verified += 4
      }
      await verifiers[step % verifiers.length]!.verify(live.at(-1)!.token)
      clock.advance(stepMs)
    }
    assert.ok(verified > 3000, `${verified}`)
    for (const replica of replicas) {
      assert.notEqual(replica.signer().kid, first)
      assert.equal(replica.published().length, 1)
    }
  })

  it('happens once, however many ask for it, and not again before it is through', async () => {
    await start()
    const deps = { store, keyring, clock, who }
    const rotations = await Promise.all(Array.from({ length: 5 }, () => rotateSigningKey(deps, 'EdDSA')))
    assert.equal(rotations.filter(({ kind }) => kind === 'rotated').length, 1)
    assert.equal((await rotateSigningKey(deps, 'EdDSA')).kind, 'underway')
    assert.equal((await store.listAll()).length, 2)
    clock.advance(publishLeadMs)
    assert.equal((await rotateSigningKey(deps, 'EdDSA')).kind, 'rotated')
  })

  it('comes by itself when a key is old', async () => {
    const replicas = [await start(), await start()]
    const kid = replicas[0]!.signer().kid
    const round = () => Promise.all(replicas.map(async (keys) => (await keys.reload(), keys.rotateWhenOld())))
    clock.advance(dayMs - 1)
    await round()
    assert.equal((await store.listAll()).length, 1)
    clock.advance(1)
    await round()
    assert.equal((await store.listAll()).length, 2)
    clock.advance(publishLeadMs)
    await round()
    assert.notEqual(replicas[1]!.signer().kid, kid)
    assert.equal((await store.listAll()).length, 2)
  })

  it('of a key that somebody else may have ends it at once', async () => {
    const keys = await start()
    const { token } = await sign(keys)
    await rotateSigningKey({ store, keyring, clock, who }, 'EdDSA', true)
    clock.advance(1)
    await keys.reload()
    await new Verifier(clock, [keys]).verify((await sign(keys)).token)
    await assert.rejects(new Verifier(clock, [keys]).verify(token))
  })

  it('forgets a key a week after it retired', async () => {
    const keys = await start()
    await rotateSigningKey({ store, keyring, clock, who }, 'EdDSA')
    clock.advance(publishLeadMs + accessLifeMs + 7 * dayMs)
    assert.equal(await store.deleteExpired(clock.nowMs(), 10), 0)
    clock.advance(60_000)
    assert.equal(await store.deleteExpired(clock.nowMs(), 10), 1)
    await keys.reload()
    await sign(keys)
  })

  describe('by command', () => {
    const run = (...args: string[]) => {
      const program = join(import.meta.dirname, '..', 'signing-key-command.js')
      const env = { ...process.env, DATABASE_URL: url, KEY_ENCRYPTION_KEYS: `one:${keyBase64}` }
      const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { env, encoding: 'utf8' })
      return { status, stdout, stderr }
    }

    it('rotates, lists, and publishes a retired key again', async () => {
      const keys = await start()
      const { kid } = keys.signer()
      const { token } = await sign(keys)
      const rotated = run('rotate-signing-key', '--algorithm', 'ES256')
      assert.equal(rotated.status, 0, rotated.stderr)
      assert.match(
        rotated.stdout,
        /^The key \S{43} signs in 150 seconds\.\n\S{43} EdDSA signing.*\n\S{43} ES256 published/,
      )
      assert.deepEqual(run('rotate-signing-key').status, 1)
      await pool.query(
        `update signing_keys set retire_time = sign_time + interval '1 ms', publish_time = publish_time
        where kid = $1`,
        [kid],
      )
      clock.advance(10)
      await keys.reload()
      await assert.rejects(new Verifier(clock, [keys]).verify(token))
      const republished = run('republish-signing-key', kid)
      assert.match(republished.stdout, new RegExp(`^${kid} EdDSA (signing|published): .*until`))
      await keys.reload()
      await new Verifier(clock, [keys]).verify(token)
      assert.equal(run('republish-signing-key', 'x'.repeat(43)).status, 1)
    })

    for (const args of [[], ['rotate'], ['republish-signing-key'], ['rotate-signing-key', '--algorithm', 'HS256']]) {
      it(`exits 64 when it is called as "${args.join(' ')}"`, () => {
        const { status, stderr } = run(...args)
        assert.equal(status, 64)
        assert.match(stderr, /^Usage/)
      })
    }
  })
})
