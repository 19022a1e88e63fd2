import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { systemRandom } from '../../runtime/ids.js'
import { newRefreshToken, parseRefreshToken } from './refresh-token.js'

describe('a refresh token', () => {
  it('is a prefix and 32 random bytes, stored as its SHA-256', () => {
    const bytes = Buffer.alloc(32, 7)
    const token = newRefreshToken((size) => bytes.subarray(0, size))
    const text = token.text.reveal()
    assert.equal(text, `pmr_${bytes.toString('base64url')}`)
    assert.deepEqual(token.hash, createHash('sha256').update(text).digest())
  })

  it('is another each time and comes back from its text', () => {
    const [one, two] = [newRefreshToken(systemRandom), newRefreshToken(systemRandom)]
    assert.notDeepEqual(one.hash, two.hash)
    const parsed = parseRefreshToken(one.text.reveal())
    assert.ok('value' in parsed)
    assert.deepEqual(parsed.value.hash, one.hash)
  })

  it('does not show itself', () => {
    const token = newRefreshToken(systemRandom)
    assert.doesNotMatch(inspect(token) + JSON.stringify(token), /pmr_/)
  })

  for (const text of ['', 'x'.repeat(257), 'pmr_ space', 'pmr_\n', 'pmr_é']) {
    it(`is not ${JSON.stringify(text.slice(0, 12))}`, () => {
      assert.ok('problem' in parseRefreshToken(text))
    })
  }
})
