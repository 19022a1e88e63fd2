import assert from 'node:assert/strict'
import { PasswordHasher } from './password-hasher.js'
import { Secret } from '../../runtime/secret.js'

const password = new Secret('correct horse', 'password')
const other = new Secret('correct house', 'password')
const never = new AbortController().signal

describe('PasswordHasher', () => {
  let hasher: PasswordHasher
  before(async () => {
    hasher = await PasswordHasher.create()
  })

  const hashOf = async (secret: Secret): Promise<string> => {
    const hashed = await hasher.hash(secret, never)
    assert.ok(hashed !== 'busy')
    return hashed.hash
  }

  it('hashes with argon2id at 19 MiB, two passes, one lane, and a salt of its own', async () => {
    const [one, two] = [await hashOf(password), await hashOf(password)]
    assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    assert.notEqual(one, two)
  })

  it('tells the right password from a wrong one', async () => {
    const hash = await hashOf(password)
    assert.equal(await hasher.verify(hash, password, never), 'right')
    assert.equal(await hasher.verify(hash, other, never), 'wrong')
  })

  it('says wrong when there is no hash, after hashing all the same', async () => {
    const hash = await hashOf(password)
    const cpuOf = async (stored: string | undefined): Promise<number> => {
      const start = process.cpuUsage()
      for (let i = 0; i < 10; i++) assert.equal(await hasher.verify(stored, other, never), 'wrong')
      const { user, system } = process.cpuUsage(start)
      return user + system
    }
    await cpuOf(hash)
    const [known, unknown] = [await cpuOf(hash), await cpuOf(undefined)]
    // Processor time, which other processes don't disturb; skipping the hash would make it a hundredth.
    assert.ok(unknown > known / 3, `unknown ${unknown} µs, known ${known} µs`)
  })

  describe('with one at a time and two waiting', () => {
    let small: PasswordHasher
    before(async () => {
      small = await PasswordHasher.create({ runningMax: 1, waitingMax: 2 })
    })

    it('turns the fourth away at once and does the first three', async () => {
      const calls = Array.from({ length: 4 }, () => small.verify(undefined, password, never))
      assert.equal(await calls[3], 'busy')
      assert.deepEqual(await Promise.all(calls), ['wrong', 'wrong', 'wrong', 'busy'])
    })

    it('turns a hash away likewise', async () => {
      const calls = Array.from({ length: 3 }, () => small.verify(undefined, password, never))
      assert.equal(await small.hash(password, never), 'busy')
      await Promise.all(calls)
      assert.notEqual(await small.hash(password, never), 'busy')
    })

    it('frees the place of one who gave up waiting', async () => {
      const leaver = new AbortController()
      const running = small.verify(undefined, password, never)
      const leaving = assert.rejects(small.verify(undefined, password, leaver.signal), /left before/)
      const waiting = small.verify(undefined, password, never)
      assert.equal(await small.verify(undefined, password, never), 'busy')
      leaver.abort()
      await leaving
      const late = small.verify(undefined, password, never)
      assert.deepEqual(await Promise.all([running, waiting, late]), ['wrong', 'wrong', 'wrong'])
    })

    it('gives its turns back when a hash can not be read', async () => {
      for (let i = 0; i < 3; i++) await assert.rejects(small.verify('not a hash', password, never))
      assert.equal(await small.verify(undefined, password, never), 'wrong')
    })
  })
})
