import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { testCertificates, testFolder, testServerUrl } from '../../../dev/testing.js'
import { assetPath } from '../../runtime/assets.js'

const transcript = (topic: string) => assetPath(`services/ledger/test/transcripts/${topic}.jsonl`)

async function replay(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [assetPath('dist/services/ledger/replay.js'), ...args], {
    env: { PATH: process.env['PATH'], ...env },
  })
  const [out, problem, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ])
  return { code, out: out.trimEnd().split('\n'), problem: problem.trimEnd() }
}

/** The transcript with one recorded status replaced. */
function falsified(topic: string, recorded: string, other: string): string {
  const file = join(testFolder(), `${topic}.jsonl`)
  const lines = readFileSync(transcript(topic), 'utf8')
  assert.ok(lines.includes(recorded))
  writeFileSync(file, lines.replace(recorded, other))
  return file
}

describe('npm run replay', () => {
  it('exits 0 when everything is as recorded', async () => {
    const { code, out, problem } = await replay(['--engine', 'memory', transcript('chains'), transcript('expiry')])
    assert.deepEqual({ code, problem }, { code: 0, problem: '' })
    assert.deepEqual(out, ['24 scenarios: 24 as recorded, 0 different, 0 not expressible.'])
  })

  it('replays on PostgreSQL, on databases that it removes', async () => {
    const args = ['--engine', 'postgres', transcript('imported'), transcript('queries')]
    const { code, out, problem } = await replay(args, { DATABASE_URL: await testServerUrl() })
    assert.deepEqual({ code, problem }, { code: 0, problem: '' })
    assert.deepEqual(out, ['21 scenarios: 21 as recorded, 0 different, 0 not expressible.'])
  })

  it('replays through gRPC and names what the contract cannot say', async () => {
    const env = { TLS_FOLDER: dirname((await testCertificates()).of('ledger').certFile) }
    const { code, out, problem } = await replay(['--engine', 'memory', '--grpc', transcript('create_accounts')], env)
    assert.deepEqual({ code, problem }, { code: 0, problem: '' })
    assert.deepEqual(out, [
      'create_accounts/timestamp_must_be_zero: not expressible, the contract has no field "reserved"',
      '23 scenarios: 22 as recorded, 0 different, 1 not expressible.',
    ])
  })

  it('prints each difference and exits 1', async () => {
    const file = falsified('limits', '"status":"exceeds_credits"', '"status":"created"')
    const { code, out } = await replay(['--engine', 'memory', file])
    assert.equal(code, 1)
    assert.match(out[0]!, /^limits\//)
    assert.match(out[1]!, /recorded .*"status":"created".*, found .*"status":"exceeds_credits"/)
    assert.match(out.at(-1)!, /^5 scenarios: 4 as recorded, 1 different/)
  })

  it('refuses what is called wrongly with 64', async () => {
    const wrong = [[], ['--engine', 'memory'], ['--engine', 'toString', 'x'], [transcript('limits')], ['--fast', 'x']]
    for (const args of wrong) {
      const { code, problem } = await replay(args)
      assert.equal(code, 64, args.join(' '))
      assert.match(problem, /^Usage: /)
    }
  })

  it('names what the environment lacks, and what is no transcript', async () => {
    const lacking = await replay(['--engine', 'postgres', transcript('limits')])
    assert.equal(lacking.code, 78)
    assert.match(lacking.problem, /DATABASE_URL is missing/)
    const file = falsified('limits', '"fresh":false', '"fresh":"no"')
    const broken = await replay(['--engine', 'memory', file])
    assert.equal(broken.code, 1)
    assert.match(broken.problem, /line 1 is not a scenario: fresh/)
  })
})
