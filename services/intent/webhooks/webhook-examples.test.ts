import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import ts from 'typescript'
import { assetPath } from '../../runtime/assets.js'
import { Secret } from '../../runtime/secret.js'
import { secretText, signatureHeader } from './webhook-signature.js'

type IsGenuine = (secret: string, headers: Record<string, string>, body: string, nowMs: number) => boolean

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5)
const timestamp = nowMs / 1000
const key = new Secret(Buffer.alloc(32, 5), 'test')
const body = '{"ä":"…"}'
const headersOf = (signature: string): Record<string, string> => ({
  'webhook-id': 'evt_1',
  'webhook-timestamp': String(timestamp),
  'webhook-signature': signature,
})
const good = headersOf(signatureHeader([new Secret(Buffer.alloc(32, 6), 'test'), key], 'evt_1', timestamp, body))
const secret = secretText(key)
const cases: [string, Parameters<IsGenuine>, boolean][] = [
  ['a genuine message', [secret, good, body, nowMs], true],
  ['one that is five minutes old', [secret, good, body, nowMs + 300_000], true],
  ['an old message', [secret, good, body, nowMs + 301_000], false],
  ['one from the future', [secret, good, body, nowMs - 301_000], false],
  ['another body', [secret, good, `${body} `, nowMs], false],
  ['another id', [secret, { ...good, 'webhook-id': 'evt_2' }, body, nowMs], false],
  ['another timestamp', [secret, { ...good, 'webhook-timestamp': String(timestamp + 1) }, body, nowMs], false],
  ['another secret', [secretText(new Secret(Buffer.alloc(32, 4), 'test')), good, body, nowMs], false],
  ['no timestamp', [secret, { ...good, 'webhook-timestamp': 'x' }, body, nowMs], false],
  ['no signature', [secret, headersOf(''), body, nowMs], false],
  ['another scheme', [secret, headersOf((good['webhook-signature'] ?? '').replaceAll('v1', 'v2')), body, nowMs], false],
  ['no header at all', [secret, {}, body, nowMs], false],
]

/** The first block of a language in docs/webhooks.md. */
function example(language: string): string {
  const page = readFileSync(assetPath('docs/webhooks.md'), 'utf8')
  const found = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1]
  assert.ok(found !== undefined)
  return found
}

describe('the examples of docs/webhooks.md', () => {
  it('in TypeScript tell genuine messages from others', async () => {
    const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 }
    const { outputText } = ts.transpileModule(example('ts'), { compilerOptions: options })
    const url = `data:text/javascript;base64,${Buffer.from(outputText).toString('base64')}`
    const { isGenuine } = (await import(url)) as { isGenuine: IsGenuine }
    for (const [what, given, expected] of cases) assert.equal(isGenuine(...given), expected, what)
  })

  it('in Python tell genuine messages from others', () => {
    const program = `${example('python')}
import json, sys
print(json.dumps([is_genuine(s, h, b.encode(), n / 1000) for s, h, b, n in json.load(sys.stdin)]))`
    const input = JSON.stringify(cases.map(([, given]) => given))
    const answers = JSON.parse(execFileSync('python3', ['-c', program], { input, encoding: 'utf8' })) as boolean[]
    assert.deepEqual(
      cases.map(([what], index) => [what, answers[index]]),
      cases.map(([what, , expected]) => [what, expected]),
    )
  })
})
