import assert from 'node:assert/strict'
import { parseDisplayName, parseUserName, userName } from './user.js'

const id = '0198c0de-0000-7000-8000-0123456789ab'

describe('parseUserName', () => {
  it('gives the id that userName put in', () => {
    assert.deepEqual(parseUserName(userName(id)), { value: id })
  })

  const bad = [
    '',
    'users/',
    'users/me',
    id,
    `users/${id.toUpperCase()}`,
    `users/${id}/kyc`,
    `wallets/${id}`,
    `users/${id}\n`,
  ]
  for (const name of bad) {
    it(`refuses ${JSON.stringify(name)}`, () => {
      assert.ok('problem' in parseUserName(name))
    })
  }
})

describe('parseDisplayName', () => {
  for (const text of ['', 'Ann', 'Ann O’Brien-Łódź', 'สมชาย ใจดี', '🙂'.repeat(63)]) {
    it(`takes ${JSON.stringify(text.slice(0, 12))} as it is`, () => {
      const parsed = parseDisplayName(text)
      assert.ok('value' in parsed)
      assert.equal(parsed.value.reveal(), text)
    })
  }

  const bad: [string, string, RegExp][] = [
    ['64 characters', 'a'.repeat(64), /at most 63/],
    ['64 characters of two units each', '🙂'.repeat(64), /at most 63/],
    ['a line break', 'Ann\nLee', /control/],
    ['a NUL', 'Ann\u0000', /control/],
    ['a paragraph separator', 'Ann\u2029Lee', /control/],
    ['a text direction override', 'Ann \u202eeeL', /control/],
  ]
  for (const [name, text, problem] of bad) {
    it(`refuses ${name}`, () => {
      const parsed = parseDisplayName(text)
      assert.ok('problem' in parsed)
      assert.match(parsed.problem, problem)
    })
  }
})
