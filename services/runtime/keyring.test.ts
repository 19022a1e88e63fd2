import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { blindIndex, keyBytes, Keyring, seal, SealBrokenError, unseal } from './keyring.js'
import { Secret } from './secret.js'

const newKey = (): Secret<Buffer> => new Secret(randomBytes(keyBytes), 'key')

describe('seal and unseal', () => {
  const key = newKey()
  const context = 'users/1#email'
  const plain = Buffer.from('ann@example.com')

  it('gives back what was sealed', () => {
    assert.deepEqual(unseal(key, seal(key, plain, context), context), plain)
    assert.deepEqual(unseal(key, seal(key, Buffer.alloc(0), context), context), Buffer.alloc(0))
  })

  it('makes another text each time', () => {
    assert.notDeepEqual(seal(key, plain, context), seal(key, plain, context))
  })

  it('does not open under another key', () => {
    assert.throws(() => unseal(newKey(), seal(key, plain, context), context), SealBrokenError)
  })

  for (const other of ['users/2#email', 'users/1#display_name', 'users/1#email ', '']) {
    it(`does not open as ${JSON.stringify(other)}`, () => {
      assert.throws(() => unseal(key, seal(key, plain, context), other), SealBrokenError)
    })
  }

  it('does not open with any one bit changed', () => {
    const sealed = seal(key, plain, context)
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      assert.throws(() => unseal(key, changed, context), SealBrokenError, `bit ${bit}`)
    }
  })

  it('does not open when cut short, at any length', () => {
    const sealed = seal(key, plain, context)
    for (let length = 0; length < sealed.length; length++) {
      assert.throws(() => unseal(key, sealed.subarray(0, length), context), SealBrokenError, `length ${length}`)
    }
  })
})

describe('Keyring', () => {
  const [first, second] = [newKey(), newKey()]

  it('wraps with its first key and unwraps with any', () => {
    const data = newKey()
    const before = new Keyring([{ id: 'one', key: first }])
    const wrapped = before.wrap(data, 'users/1#data_key')
    assert.equal(wrapped.keyId, 'one')

    const after = new Keyring([
      { id: 'two', key: second },
      { id: 'one', key: first },
    ])
    assert.deepEqual(after.unwrap(wrapped, 'users/1#data_key').reveal(), data.reveal())
    assert.equal(after.wrap(data, 'users/1#data_key').keyId, 'two')
  })

  it('names the key that it lacks', () => {
    const wrapped = new Keyring([{ id: 'one', key: first }]).wrap(newKey(), 'users/1#data_key')
    const other = new Keyring([{ id: 'two', key: second }])
    assert.throws(() => other.unwrap(wrapped, 'users/1#data_key'), /"one" of users\/1#data_key is not in/)
  })

  it('is not made of no keys', () => {
    assert.throws(() => new Keyring([]), /at least one/)
  })
})

describe('blindIndex', () => {
  const key = newKey()
  const email = new Secret('ann@example.com')

  it('is the same for the same value, and 32 bytes', () => {
    assert.deepEqual(blindIndex(key, 'email', email), blindIndex(key, 'email', new Secret('ann@example.com')))
    assert.equal(blindIndex(key, 'email', email).length, 32)
  })

  it('differs by value, field and key', () => {
    const indexes = [
      blindIndex(key, 'email', email),
      blindIndex(key, 'email', new Secret('bob@example.com')),
      blindIndex(key, 'phone', email),
      blindIndex(newKey(), 'email', email),
    ]
    assert.equal(new Set(indexes.map((index) => index.toString('hex'))).size, indexes.length)
  })
})
