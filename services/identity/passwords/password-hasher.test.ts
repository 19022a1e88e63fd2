import { hash as argon2Hash } from '@node-rs/argon2'
import assert from 'node:assert/strict'
import { PasswordHasher } from './password-hasher.js'
import { Secret } from '../../runtime/secret.js'

const password = new Secret('correct horse', 'password')
const other = new Secret('correct house', 'password')
const never = new AbortController().signal

const salt = Buffer.alloc(16, 7)

describe('PasswordHasher', () => {
  let hasher: PasswordHasher
  before(() => {
    hasher = new PasswordHasher()
  })

  const hashOf = async (secret: Secret, under = salt): Promise<string> => {
    const hashed = await hasher.hash(secret, under, never)
    assert.ok(hashed !== 'busy')
    return hashed.hash
  }

  it('hashes with argon2id at 19 MiB, two passes, one lane, and the salt', async () => {
    const [one, two, other] = [await hashOf(password), await hashOf(password), await hashOf(password, Buffer.alloc(16))]
    assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$BwcHBwcHBwcHBwcHBwcHBw\$/)
    assert.equal(one, two)
    assert.notEqual(one, other)
  })

  it('finds the hash of the password, the first', async () => {
    const hashes = [await hashOf(other), await hashOf(password), await hashOf(password)]
    assert.deepEqual(await hasher.find(password, salt, hashes, never), { index: 1 })
    assert.deepEqual(await hasher.find(other, salt, hashes, never), { index: 0 })
    assert.equal(await hasher.find(new Secret('neither'), salt, hashes, never), 'wrong')
  })

  it('finds a hash of another salt and cost', async () => {
    const cheap = await argon2Hash('correct horse', { memoryCost: 8192, timeCost: 1, parallelism: 1 })
    assert.deepEqual(await hasher.find(password, salt, [await hashOf(other), cheap], never), { index: 1 })
  })

  it('works as much for no user as for one, and for many of one address as for one', async () => {
    const one = [await hashOf(password)]
    const many = Array.from({ length: 100 }, () => one[0]!)
    const cpuOf = async (hashes: readonly string[]): Promise<number> => {
      const start = process.cpuUsage()
      for (let i = 0; i < 10; i++) assert.equal(await hasher.find(other, salt, hashes, never), 'wrong')
      const { user, system } = process.cpuUsage(start)
      return user + system
    }
    await cpuOf(one)
    const [known, unknown, crowd] = [await cpuOf(one), await cpuOf([]), await cpuOf(many)]
    // Processor time, which other processes don't disturb; skipping the hash would make it a hundredth.
    assert.ok(unknown > known / 3, `unknown ${unknown} µs, known ${known} µs`)
    assert.ok(crowd < known * 3, `crowd ${crowd} µs, known ${known} µs`)
  })

  describe('with one at a time and two waiting', () => {
    let small: PasswordHasher
    before(() => {
      small = new PasswordHasher({ runningMax: 1, waitingMax: 2 })
    })

    it('turns the fourth away at once and does the first three', async () => {
      const calls = Array.from({ length: 4 }, () => small.find(password, salt, [], never))
      assert.equal(await calls[3], 'busy')
      assert.deepEqual(await Promise.all(calls), ['wrong', 'wrong', 'wrong', 'busy'])
    })

    it('turns a hash away likewise', async () => {
      const calls = Array.from({ length: 3 }, () => small.find(password, salt, [], never))
      assert.equal(await small.hash(password, salt, never), 'busy')
      await Promise.all(calls)
      assert.notEqual(await small.hash(password, salt, never), 'busy')
    })

    it('frees the place of one who gave up waiting', async () => {
      const leaver = new AbortController()
      const running = small.find(password, salt, [], never)
      const leaving = assert.rejects(small.find(password, salt, [], leaver.signal), /left before/)
      const waiting = small.find(password, salt, [], never)
      assert.equal(await small.find(password, salt, [], never), 'busy')
      leaver.abort()
      await leaving
      const late = small.find(password, salt, [], never)
      assert.deepEqual(await Promise.all([running, waiting, late]), ['wrong', 'wrong', 'wrong'])
    })

    it('gives its turns back when a hash can not be read', async () => {
      for (let i = 0; i < 3; i++) await assert.rejects(small.find(password, salt, ['not a hash'], never))
      assert.equal(await small.find(password, salt, [], never), 'wrong')
    })
  })
})
