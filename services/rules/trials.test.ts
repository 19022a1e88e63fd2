import assert from 'node:assert/strict'
import { exampleFacts } from './test/example-facts.js'
import type { TrialJob } from './trial-job.js'
import { trialLimits, Trials } from './trials.js'

const walk = (depth: number): string =>
  depth === 0 ? 'true' : `[${'1,'.repeat(199)}1].all(v${depth}, ${walk(depth - 1)})`

/** A document that nobody has checked: eight thousand million steps. */
const endless = {
  routes: [{ id: 'endless', operation_type: 'P2P_TRANSFER', channel: 'C', condition: walk(4) }],
  fees: [],
}
const decide = (document: unknown): TrialJob => ({ kind: 'decide', document, version: 1n, facts: [exampleFacts({})] })
const harmless: TrialJob = { kind: 'try', source: 'amount > 1', result: 'bool', facts: exampleFacts({}) }

/** What somebody might send to keep the service busy: within 4 KiB, or over it. */
const hostile: Readonly<Record<string, string>> = {
  'deep parentheses': '('.repeat(2040) + 'true' + ')'.repeat(2040),
  'parentheses without end': '('.repeat(4000),
  'deep lists': '['.repeat(2000) + ']'.repeat(2000),
  'lists in lists': `${'['.repeat(1000)}1${']'.repeat(1000)} == [1]`,
  negations: `${'!'.repeat(4000)}true`,
  minuses: `${'-'.repeat(4000)}1 == 1`,
  conditionals: 'true ? '.repeat(500),
  'nested conditionals': `${'true ? (false ? true : '.repeat(100)}true${')'.repeat(100)} : true`,
  'a huge list': `[${'1,'.repeat(2000)}1].size() > 0`,
  'a long string': `"${'x'.repeat(4000)}".size() > 0`,
  'a string without end': `"${'\\'.repeat(4001)}`,
  'many selections': `metadata${'.a'.repeat(2000)} == ""`,
  'comprehensions in each other': walk(3).slice(0, 4000),
  'a long walk': `[${'1,'.repeat(1500)}1].all(a, a == 1)`,
  'a product of walks': '[1,2,3].all(a, [1,2,3].all(b, [1,2,3].all(c, a * b * c > 0)))',
  'growing strings': `payer.tags.map(a, ${'a + '.repeat(500)}a).size() > 0`,
  'an expensive pattern': `"${'a'.repeat(1000)}".matches("(a*)*b")`,
  'many time zones': `${'time.getHours("Asia/Bangkok") > 25 || '.repeat(80)}false`,
  'many searches': `${`"${'a'.repeat(40)}".contains("b") || `.repeat(60)}false`,
  'far over the bound': `${'amount > 1 && '.repeat(70_000)}true`,
}

describe('trials', () => {
  let trials: Trials
  beforeEach(() => {
    trials = new Trials(trialLimits)
  })
  afterEach(() => trials.stop())

  it('end what does not end by itself, and go on with what waits', async () => {
    await trials.stop()
    trials = new Trials({ ...trialLimits, documentMsMax: 100 })
    let beats = 0
    const heart = setInterval(() => (beats += 1), 5)
    const outcomes = await Promise.all([trials.run(decide(endless)), trials.run(harmless)])
    clearInterval(heart)
    // Over 100 ms of work went on beside this thread.
    assert.ok(beats >= 5, `the loop turned ${beats} times`)
    assert.deepEqual(outcomes[0], { kind: 'ended', why: 'takes over 100 ms' })
    assert.deepEqual(outcomes[1], {
      kind: 'done',
      result: { kind: 'tried', problems: [], value: true, failure: '' },
    })
  })

  it('answer everything hostile with a problem or a value while the loop goes on', async () => {
    let beats = 0
    const heart = setInterval(() => (beats += 1), 5)
    for (const [name, source] of Object.entries(hostile)) {
      const beatsBefore = beats
      const outcome = await trials.run({ kind: 'try', source, result: 'bool', facts: exampleFacts({}) })
      assert.ok(outcome.kind === 'ended' || (outcome.kind === 'done' && outcome.result.kind === 'tried'), name)
      if (outcome.kind === 'ended') assert.ok(beats - beatsBefore > 2, `${name}: the loop stood still`)
    }
    clearInterval(heart)
    assert.equal((await trials.run(harmless)).kind, 'done')
  })

  it('end what takes the memory', async () => {
    const grow = `payer.tags.map(a, ${Array.from({ length: 8 }, () => `[${'"x",'.repeat(999)}"x"]`).join(' + ')})`
    const nested = `${grow}.map(b, ${grow}.map(c, ${grow}.map(d, b + c + d))).size() > 0`
    const route = { id: 'grows', operation_type: 'P2P_TRANSFER', channel: 'C', condition: nested }
    const payer = { ...exampleFacts({}).payer, tags: Array.from({ length: 32 }, (_, index) => `tag${index}`) }
    const job: TrialJob = {
      kind: 'decide',
      document: { routes: [route], fees: [] },
      version: 1n,
      facts: [exampleFacts({ payer })],
    }
    assert.equal((await trials.run(job)).kind, 'ended')
    assert.equal((await trials.run(harmless)).kind, 'done')
  })

  it('turn away what comes while too many wait', async () => {
    await trials.stop()
    trials = new Trials({ ...trialLimits, waitingMax: 2 })
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => trials.run(harmless)))
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['done', 'done', 'busy', 'busy'],
    )
  })

  it('check a document rule by rule, and give a large one its time', async () => {
    const routes = Array.from({ length: 500 }, (_, index) => ({
      id: `r${index}`,
      operation_type: 'P2P_TRANSFER',
      channel: 'C',
      condition: 'has(metadata.a) && metadata.a == "b" || "vip" in payer.tags && amount > 5',
    }))
    const outcome = await trials.run({ kind: 'check', document: { routes, fees: [] } })
    assert.deepEqual(outcome, { kind: 'done', result: { kind: 'checked', problems: [] } })
  })

  it('pass on a bug as what it is', async () => {
    await assert.rejects(trials.run(decide({ routes: 'none' })), /routes/)
  })
})
