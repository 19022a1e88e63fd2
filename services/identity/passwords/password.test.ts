import assert from 'node:assert/strict'
import { parseGivenPassword, parseNewPassword } from './password.js'

describe('parseNewPassword', () => {
  const good: [string, string][] = [
    ['8 characters', 'a1b2c3d4'],
    ['128 characters', 'p'.repeat(128)],
    ['spaces and signs', ' correct horse, battery '],
    ['another script', 'รหัสผ่านของฉัน'],
    ['128 characters of two units each', '🙂'.repeat(128)],
  ]
  for (const [name, text] of good) {
    it(`takes ${name}`, () => {
      const parsed = parseNewPassword(text)
      assert.ok('value' in parsed)
      assert.equal(parsed.value.reveal(), text.normalize('NFKC'))
    })
  }

  const bad: [string, string, RegExp][] = [
    ['nothing', '', /required/],
    ['7 characters', 'a1b2c3d', /at least 8/],
    ['4 characters of two units each', '🙂🙂🙂🙂', /at least 8/],
    ['129 characters', 'p'.repeat(129), /at most 128/],
    ['a megabyte', 'p'.repeat(1_000_000), /at most 128/],
    ['what becomes longer when normalised', 'ﷺ'.repeat(120), /at most 128/],
    ['a NUL', 'password\u0000', /control/],
    ['a tab', 'pass\tword', /control/],
    ['a C1 control', 'pass\u0085word', /control/],
  ]
  for (const [name, text, problem] of bad) {
    it(`refuses ${name}`, () => {
      const parsed = parseNewPassword(text)
      assert.ok('problem' in parsed)
      assert.match(parsed.problem, problem)
    })
  }

  it('makes one password of two spellings of the same letters', () => {
    const composed = parseNewPassword('caf\u00e9 noir')
    const decomposed = parseNewPassword('cafe\u0301 noir')
    assert.ok('value' in composed && 'value' in decomposed)
    assert.equal(composed.value.reveal(), decomposed.value.reveal())
  })
})

describe('parseGivenPassword', () => {
  it('takes a short one, which is only wrong', () => {
    assert.ok('value' in parseGivenPassword('short'))
  })
  for (const text of ['', 'p'.repeat(129), 'pass\nword']) {
    it(`refuses ${JSON.stringify(text.slice(0, 12))}`, () => {
      assert.ok('problem' in parseGivenPassword(text))
    })
  }
})
