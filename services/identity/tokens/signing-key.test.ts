import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { calculateJwkThumbprint, compactVerify, CompactSign, importJWK } from 'jose'
import { Keyring } from '../../runtime/keyring.js'
import { Secret } from '../../runtime/secret.js'
import { newSigningKey, openSigningKey, type SigningAlgorithm, signingKeyStates } from './signing-key.js'

const keyring = new Keyring([{ id: 'one', key: new Secret(randomBytes(32), 'key') }])
const times = { generation: 1, publishTimeMs: 0, signTimeMs: 0 }

describe('signingKeyStates', () => {
  const one = { generation: 1, signTimeMs: 0, retireTimeMs: 2000 }
  const two = { generation: 2, signTimeMs: 1000, retireTimeMs: undefined }
  const states = (keys: (typeof one | typeof two)[], nowMs: number): string[] =>
    signingKeyStates(keys, nowMs).map(({ state }) => state)

  const cases: [string, number, string[]][] = [
    ['before the second signs', 999, ['signing', 'published']],
    ['from the moment the second signs', 1000, ['published', 'signing']],
    ['while what the first signed still verifies', 1999, ['published', 'signing']],
    ['from the moment the first retires', 2000, ['retired', 'signing']],
  ]
  for (const [name, nowMs, expected] of cases) {
    it(`are ${expected.join(' and ')} ${name}`, () => {
      assert.deepEqual(states([one, two], nowMs), expected)
      assert.deepEqual(states([two, one], nowMs), expected.toReversed())
    })
  }

  it('let the first key sign on a replica whose clock is behind', () => {
    assert.deepEqual(states([two], 0), ['signing'])
  })

  it('let no retired key sign', () => {
    assert.deepEqual(states([one], 2000), ['retired'])
    assert.deepEqual(states([], 0), [])
  })
})

describe('a signing key', () => {
  for (const algorithm of ['EdDSA', 'ES256'] satisfies SigningAlgorithm[]) {
    it(`of ${algorithm} is sealed, opens, and signs what its public half verifies`, async () => {
      const row = await newSigningKey(keyring, algorithm, times)
      assert.equal(row.kid, await calculateJwkThumbprint(row.publicJwk))
      assert.equal(row.publicJwk.alg, algorithm)

      const key = await openSigningKey(keyring, row)
      assert.equal(key.extractable, false)
      const signed = await new CompactSign(Buffer.from('text')).setProtectedHeader({ alg: algorithm }).sign(key)
      const verified = await compactVerify(signed, await importJWK(row.publicJwk, algorithm))
      assert.equal(Buffer.from(verified.payload).toString(), 'text')
    })

    it(`of ${algorithm} shows no private member in its public half`, async () => {
      const { publicJwk } = await newSigningKey(keyring, algorithm, times)
      const members = ['alg', 'crv', 'kid', 'kty', 'use', 'x', ...(algorithm === 'ES256' ? ['y'] : [])]
      assert.deepEqual(Object.keys(publicJwk).sort(), members)
    })
  }

  it('does not open as another key', async () => {
    const [one, two] = [await newSigningKey(keyring, 'EdDSA', times), await newSigningKey(keyring, 'EdDSA', times)]
    await assert.rejects(openSigningKey(keyring, { ...one, privateJwk: two.privateJwk }), /does not open/)
  })
})
