import assert from 'node:assert/strict'
import { format, inspect } from 'node:util'
import { Secret } from './secret.js'

describe('Secret', () => {
  const secret = new Secret('correct horse', 'password')

  it('gives its value to who asks for it', () => {
    assert.equal(secret.reveal(), 'correct horse')
  })

  const forms: [string, () => string][] = [
    ['a template', () => `as ${secret.toString()}`],
    ['concatenation', () => String(secret)],
    ['JSON', () => JSON.stringify({ secret })],
    ['inspect', () => inspect({ secret }, { depth: 9, showHidden: true })],
    ['format', () => format('%s %o %j', secret, secret, secret)],
    ['a spread copy', () => JSON.stringify(Object.assign({}, secret))],
    ['an error that carries it', () => inspect(new Error('no', { cause: { secret } }))],
  ]
  for (const [name, form] of forms) {
    it(`shows nothing in ${name}`, () => {
      assert.doesNotMatch(form(), /correct|horse/)
    })
  }

  it('shows nothing of a buffer, in any encoding', () => {
    const key = new Secret(Buffer.from('marked-key-material'), 'key')
    const text = inspect(key) + JSON.stringify(key) + String(key)
    assert.equal(text, '[key]"[key]"[key]')
  })
})
