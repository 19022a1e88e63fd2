import assert from 'node:assert/strict'
import { systemRandom } from '../../runtime/ids.js'
import { Secret } from '../../runtime/secret.js'
import { KeyedHash } from '../keyed-hash.js'
import { codeHash, newCode, parseCode } from './code.js'

const bytesOf = (...numbers: number[]) => {
  const left = [...numbers]
  return () => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(left.shift()!)
    return bytes
  }
}

describe('codes', () => {
  it('have six digits, zeros in front included', () => {
    assert.equal(newCode(bytesOf(7)).reveal(), '000007')
    assert.equal(newCode(bytesOf(4_293_999_999)).reveal(), '999999')
    for (let i = 0; i < 1000; i++) assert.match(newCode(systemRandom).reveal(), /^\d{6}$/)
  })

  it('are drawn again where the numbers do not divide evenly', () => {
    assert.equal(newCode(bytesOf(4_294_967_295, 4_294_000_000, 5)).reveal(), '000005')
  })

  it('hash to another value for another user, purpose, code or key', () => {
    const code = new Secret('123456')
    const one = new KeyedHash(new Secret(Buffer.alloc(32, 1)))
    const other = new KeyedHash(new Secret(Buffer.alloc(32, 2)))
    const hashes = [
      codeHash(one, 'u', 'VERIFY_CONTACT', code),
      codeHash(one, 'v', 'VERIFY_CONTACT', code),
      codeHash(one, 'u', 'RESET_PASSWORD', code),
      codeHash(one, 'u', 'VERIFY_CONTACT', new Secret('123457')),
      codeHash(other, 'u', 'VERIFY_CONTACT', code),
    ]
    assert.equal(new Set(hashes.map((hash) => hash.toString('hex'))).size, 5)
  })

  it('are refused when they are malformed, without being quoted', () => {
    for (const text of ['', '12345', '1234567', '12345a', '１２３４５６', ' 12345']) {
      const parsed = parseCode(text)
      assert.ok('problem' in parsed && (text === '' || !parsed.problem.includes(text)), text)
    }
  })
})
