import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { GetUserRequest, UserServiceService } from '../../../gen/paymesh/identity/v1/user_service.js'
import { Keyring } from '../../runtime/keyring.js'
import { Secret } from '../../runtime/secret.js'
import { whoInside } from '../audit/audit-who.js'
import { leftUnder, rewrap, wrappedTables } from '../vault/rewrapping.js'
import { check, newClient, signed } from './signed-requests.js'
import { TestIdentity } from './harness.js'

const [old, next] = ['old', 'next'].map((id, i) => ({ id, key: new Secret(Buffer.alloc(32, i + 11), 'key') })) as [
  { id: string; key: Secret<Buffer> },
  { id: string; key: Secret<Buffer> },
]

describe('rewrapping under another key-encryption key', () => {
  let identity: TestIdentity
  beforeEach(async () => {
    // As every replica is by then: the new key first, the old one still there.
    identity = await TestIdentity.start(undefined, [next, old])
  })
  afterEach(() => identity.stop())

  const to = async (keys: (typeof old)[], batchMax = 7) => {
    const { pool, clock } = identity
    let progress = 0
    for await (const { rewrappedCount } of rewrap({
      pool,
      keyring: new Keyring(keys),
      clock,
      who: whoInside('command'),
      batchMax,
    })) {
      if (rewrappedCount > 0) progress++
    }
    return progress
  }
  const left = (key: typeof old) => leftUnder({ pool: identity.pool, keyring: new Keyring([key]) })
  const read = (name: string) =>
    identity.call(UserServiceService.getUser, GetUserRequest.fromPartial({ name }), { claims: { sub: name } })
  const registerMany = (count: number) => Promise.all(Array.from({ length: count }, () => identity.register()))

  it('covers every table that has wrapped values', async () => {
    const { rows } = await identity.pool.query<{ table: string }>(
      `select table_name as table from information_schema.columns where column_name = 'wrapping_key_id' order by 1`,
    )
    assert.deepEqual(
      rows.map(({ table }) => table),
      wrappedTables.map(({ table }) => table).sort(),
    )
  })

  it('fails no read and no registration while it runs, and leaves nothing under the old key', async () => {
    const users = await registerMany(30)
    const { key } = await newClient(identity)
    await to([old, next])
    assert.deepEqual(await left(old), [])
    let running = true
    let calls = 0
    const traffic = [0, 1, 2].map(async (n) => {
      while (running) {
        const { name, email } = users[(calls++ * 3 + n) % users.length]!
        assert.equal((await read(name)).user!.email, email)
        if (calls % 5 === 0) users.push(await identity.register())
      }
    })
    const progress = await to([next, old], 2)
    running = false
    await Promise.all(traffic)
    assert.ok(progress >= 30 && calls >= 3, `${progress} batches, ${calls} calls`)
    assert.deepEqual(await left(next), [])
    assert.equal((await check(identity, signed(key, identity.clock.nowMs()))).status, 200)
    // The old key may go.
    const { parts } = identity
    const stored = await parts.users.find(users[0]!.name.slice('users/'.length))
    const only = new Keyring([next])
    assert.equal(only.unwrap(stored!.person.dataKey, `${users[0]!.name}#data_key`).reveal().length, 32)
    await parts.signingKeys.reload()
    await identity.told(users[0]!.email)
  })

  it('goes on where it was stopped, and does nothing twice', async () => {
    await registerMany(12)
    const { pool, clock } = identity
    const stopped = rewrap({ pool, clock, keyring: new Keyring([old, next]), who: whoInside('command'), batchMax: 5 })
    await stopped.next()
    await stopped.return(undefined)
    const rest = await left(old)
    assert.equal(rest.find(({ table }) => table === 'data_keys')?.count, 7)
    // Both at once: rows are taken by one or the other.
    await Promise.all([to([old, next]), to([old, next])])
    assert.deepEqual(await left(old), [])
    assert.equal(await to([old, next]), 0)
    const { rows } = await pool.query<{ count: number }>(
      `select sum((details::json->>'count')::int)::int as count from audit_records
        where action = 'KEYS_REWRAPPED' and details::json->>'table' = 'data_keys'`,
    )
    assert.equal(rows[0]!.count, 12)
  })

  it('is a command that says how far it is, and changes nothing without the key', async () => {
    await registerMany(3)
    const run = (keys: (typeof old)[]) => {
      const text = keys.map(({ id, key }) => `${id}:${key.reveal().toString('base64')}`).join(',')
      const env = { DATABASE_URL: identity.databaseUrl, KEY_ENCRYPTION_KEYS: text }
      return spawnSync(process.execPath, [join(import.meta.dirname, '..', 'rewrap-command.js')], {
        env,
        encoding: 'utf8',
      })
    }
    assert.notEqual(run([old]).status, 0)
    assert.deepEqual((await left(next)).length, 0)
    const { status, stdout } = run([old, next])
    assert.equal(status, 0)
    assert.match(stdout, /data_keys: 3 rewrapped under old/)
    assert.match(stdout, /Everything is under old; the other keys may go/)
  })
})
