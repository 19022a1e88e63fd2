import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { parseEmail } from './email.js'

describe('parseEmail', () => {
  const long = (length: number): string => {
    const host = 'd'.repeat(60)
    const tail = `@${host}.${host}.${host}.example`
    return 'a'.repeat(length - tail.length) + tail
  }

  const good = [
    'ann@example.com',
    'Ann.O-Brien+pay@mail.example.co.th',
    "o'neil@example.com",
    '1@2.example',
    'a@xn--bcher-kva.example',
    long(254),
  ]
  for (const text of good) {
    it(`takes ${text.slice(0, 40)}`, () => {
      const parsed = parseEmail(text)
      assert.ok('value' in parsed)
      assert.equal(parsed.value.written.reveal(), text)
      assert.equal(parsed.value.normalised.reveal(), text.toLowerCase())
      assert.doesNotMatch(inspect(parsed, { depth: 9 }), /@/)
    })
  }

  const bad: [string, string, RegExp][] = [
    ['nothing', '', /required/],
    ['no at sign', 'ann.example.com', /e-mail address/],
    ['no local part', '@example.com', /e-mail address/],
    ['no domain', 'ann@', /e-mail address/],
    ['one label', 'ann@localhost', /e-mail address/],
    ['two at signs', 'ann@home@example.com', /e-mail address/],
    ['a space', 'ann lee@example.com', /e-mail address/],
    ['surrounding space', ' ann@example.com', /e-mail address/],
    ['a line break', 'ann@example.com\r\nBcc: x@example.com', /e-mail address/],
    ['a trailing line break', 'ann@example.com\n', /e-mail address/],
    ['a NUL', 'ann\u0000@example.com', /e-mail address/],
    ['two dots', 'ann..lee@example.com', /e-mail address/],
    ['a leading dot', '.ann@example.com', /e-mail address/],
    ['a quoted local part', '"ann"@example.com', /e-mail address/],
    ['an address literal', 'ann@[127.0.0.1]', /e-mail address/],
    ['a bare address', 'ann@127.0.0.1', /e-mail address/],
    ['a label that ends in a hyphen', 'ann@example-.com', /e-mail address/],
    ['a look-alike letter', 'аnn@example.com', /e-mail address/],
    ['a local part of 65', `${'a'.repeat(65)}@example.com`, /e-mail address/],
    ['255 characters', long(255), /at most 254/],
    ['a megabyte', 'a'.repeat(1_000_000), /at most 254/],
  ]
  for (const [name, text, problem] of bad) {
    it(`refuses ${name} without quoting it`, () => {
      const parsed = parseEmail(text)
      assert.ok('problem' in parsed)
      assert.match(parsed.problem, problem)
    })
  }

  it('answers in linear time for a text made to make it backtrack', () => {
    const text = `${'a.'.repeat(31)}a@${'a-'.repeat(90)}`
    assert.ok('problem' in parseEmail(text))
  })
})
