import assert from 'node:assert/strict'
import fc from 'fast-check'
import { FieldCheck } from './field-check.js'
import { decodePageToken, encodePageToken, pageSize } from './page-token.js'

describe('page tokens', () => {
  it('come back as they went, with the same filters only', () => {
    const property = fc.property(fc.array(fc.string(), { maxLength: 4 }), fc.string(), fc.string(), (parts, a, b) => {
      const token = encodePageToken(parts, a)
      assert.deepEqual(decodePageToken(token, a), parts)
      assert.deepEqual(decodePageToken(token, b), a === b ? parts : undefined)
    })
    fc.assert(property)
  })

  const wrong = ['', 'x', 'e30', Buffer.from('[1,2]').toString('base64url'), Buffer.from('"x"').toString('base64url')]
  for (const token of [...wrong, 'A'.repeat(5000)]) {
    it(`are not ${token.slice(0, 12) || 'empty'}`, () => {
      assert.equal(decodePageToken(token, ''), undefined)
    })
  }
})

describe('pageSize', () => {
  const cases: [number, number, boolean][] = [
    [0, 50, true],
    [1, 1, true],
    [1000, 1000, true],
    [1001, 1001, false],
    [-1, -1, false],
  ]
  for (const [requested, answered, allowed] of cases) {
    it(`${allowed ? 'takes' : 'refuses'} ${requested}`, () => {
      const check = new FieldCheck('test.paymesh')
      assert.equal(pageSize(requested, check), answered)
      assert.equal(check.ok, allowed)
    })
  }
})
