import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { testCertificates, testFolder, testServerUrl } from '../../../dev/testing.js'
import { replay, transcript } from './replay-process.js'

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
    const nowhere = await replay(['--engine', 'tigerbeetle', transcript('limits')])
    assert.equal(nowhere.code, 78)
    assert.match(nowhere.problem, /^TIGERBEETLE_ADDRESSES is missing: .*$/)
    const misplaced = await replay(['--engine', 'tigerbeetle', transcript('limits')], {
      TIGERBEETLE_ADDRESSES: 'cluster.internal',
    })
    assert.equal(misplaced.code, 78)
    assert.match(misplaced.problem, /TIGERBEETLE_ADDRESSES is wrong/)
    const file = falsified('limits', '"fresh":false', '"fresh":"no"')
    const broken = await replay(['--engine', 'memory', file])
    assert.equal(broken.code, 1)
    assert.match(broken.problem, /line 1 is not a scenario: fresh/)
  })

  it('says in a sentence where TigerBeetle comes from, when there is neither the program nor a cluster', async () => {
    const args = ['--engine', 'tigerbeetle', transcript('limits')]
    const missing = await replay(args, { PATH: testFolder() }, 'dev')
    assert.deepEqual([missing.code, missing.out], [78, ['']])
    assert.match(missing.problem, /^The program `tigerbeetle` is missing: get TigerBeetle .*TIGERBEETLE_BINARY\.$/)
    const other = await replay(args, { TIGERBEETLE_BINARY: testFolder() }, 'dev')
    assert.equal(other.code, 78)
    assert.match(other.problem, /^TIGERBEETLE_BINARY=.* is not a program that can be run: .*\.$/)
  })
})
