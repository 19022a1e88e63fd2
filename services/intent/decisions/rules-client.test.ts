import assert from 'node:assert/strict'
import { setMaxListeners } from 'node:events'
import { testCertificates, testDatabase } from '../../../dev/testing.js'
import { type DecideBatchResponse } from '../../../gen/paymesh/rules/v1/decision_service.js'
import { assetPath } from '../../runtime/assets.js'
import { createMetrics } from '../../runtime/metrics.js'
import { feesOf } from './decision.js'
import { type Call } from '../../runtime/call.js'
import { connectRules, type PaymentFacts, type RulesAnswer, type RulesNode } from './rules-client.js'
import { exampleOrder, startMs } from '../test/example-intent.js'
import { MeshProcess, runProgram, until } from '../test/mesh-process.js'
import { type RulesProxy, startRulesProxy } from '../test/rules-proxy.js'

const waits = { signal: new AbortController().signal }
setMaxListeners(0, waits.signal)

function factsOf(amountMinor: bigint, change: Partial<PaymentFacts> = {}): PaymentFacts {
  const order = exampleOrder({ amountMinor })
  return {
    order,
    payerOwner: 'users/ann',
    payeeOwner: 'users/ben',
    payerTags: [],
    level: undefined,
    timeMs: startMs,
    ...change,
  }
}

/** The fee by the default rule set: a quarter of a percent, 1.00 to 10.00. */
const feeOf = (outcome: RulesAnswer) =>
  outcome.kind === 'decided' ? feesOf(outcome.decision)[0]?.amountMinor : outcome.kind

describe('the client of Rules', () => {
  let process: MeshProcess
  let proxy: RulesProxy
  let rules: RulesNode
  const queueMax = 400

  before(async function () {
    this.timeout(30_000)
    const url = await testDatabase('rules')
    process = await MeshProcess.create('rules', { DATABASE_URL: url })
    await runProgram('services/rules/publish.js', [assetPath('services/rules/default-rule-set.json')], {
      DATABASE_URL: url,
    })
    await process.start()
    proxy = await startRulesProxy(process.address)
    const tls = (await testCertificates()).of('intent')
    rules = connectRules({ address: proxy.address, tls, metrics: createMetrics('intent'), queueMax })
  })
  beforeEach(() => {
    proxy.asked.length = 0
    proxy.answer = (request, real) => real(request)
  })
  after(async () => {
    rules.close()
    await proxy.stop()
    await process.kill()
  })

  const decide = (call: Pick<Call, 'signal'>, facts: PaymentFacts) =>
    rules.ask(call, { facts, signals: {}, offered: [], ruleSetVersion: 0n })
  const sizes = () => proxy.asked.map(({ requests }) => requests.length)

  /** Keeps answers back until told. */
  function holdAnswers(): () => void {
    const held: (() => void)[] = []
    proxy.answer = async (request, real) => {
      await new Promise<void>((resolve) => held.push(resolve))
      return await real(request)
    }
    return () => {
      proxy.answer = (request, real) => real(request)
      for (const release of held) release()
    }
  }

  it('asks together what is asked in one turn, and gives each its own answer', async () => {
    const amounts = Array.from({ length: 200 }, (_, index) => BigInt(index + 1) * 2_000n)
    const outcomes = await Promise.all(amounts.map((amount) => decide(waits, factsOf(amount))))
    assert.deepEqual(sizes().sort(), [128, 72])
    const expected = amounts.map((amount) => (amount * 25n > 1_000_000n ? (amount * 25n) / 10_000n : 100n))
    assert.deepEqual(
      outcomes.map(feeOf),
      expected.map((fee) => (fee > 1000n ? 1000n : fee)),
    )
  })

  it('asks again for what a call had no room for', async () => {
    proxy.answer = async (request, real) => {
      const { results } = await real(request)
      return {
        results: results.map((one, index) =>
          index < 3 ? one : { result: { $case: 'deferred' as const, deferred: true } },
        ),
      }
    }
    const amounts = Array.from({ length: 8 }, (_, index) => BigInt(index + 1) * 40_000n)
    const outcomes = await Promise.all(amounts.map((amount) => decide(waits, factsOf(amount))))
    assert.deepEqual(sizes(), [8, 5, 2])
    assert.deepEqual(
      outcomes.map(feeOf),
      amounts.map((amount) => (amount * 25n) / 10_000n),
    )
  })

  it('collects what is asked while answers are under way', async () => {
    const release = holdAnswers()
    const asked: Promise<RulesAnswer>[] = []
    for (const count of [1, 2]) {
      asked.push(decide(waits, factsOf(10_000n)))
      await until(() => proxy.asked.length === count, `${count} calls are under way`)
    }
    for (let index = 0; index < 50; index++) asked.push(decide(waits, factsOf(10_000n)))
    release()
    assert.ok((await Promise.all(asked)).every(({ kind }) => kind === 'decided'))
    assert.deepEqual(sizes(), [1, 1, 50])
  })

  it('lets a caller that goes away go alone', async () => {
    const release = holdAnswers()
    const leaving = new AbortController()
    const [gone, stays] = [decide(leaving, factsOf(10_000n)), decide(waits, factsOf(10_000n))]
    await until(() => proxy.asked.length === 1, 'the call is under way')
    leaving.abort()
    assert.deepEqual(await gone, { kind: 'unavailable', cause: 'the caller did not wait for the decision' })
    release()
    assert.equal((await stays).kind, 'decided')
    const late = await decide({ signal: AbortSignal.abort() }, factsOf(10_000n))
    assert.equal(late.kind, 'unavailable')
  })

  it('throws for facts that Rules does not take, and decides the others of the call', async () => {
    const wrong = factsOf(10_000n, { payerTags: Array<string>(33).fill('x') })
    const [good, bad] = await Promise.allSettled([decide(waits, factsOf(10_000n)), decide(waits, wrong)])
    assert.deepEqual(sizes(), [2])
    assert.equal(good.status === 'fulfilled' && good.value.kind, 'decided')
    assert.match(String(bad.status === 'rejected' && bad.reason), /payer\.tags/)
  })

  it('is unavailable to whoever is more than may wait, and to nobody else', async () => {
    const release = holdAnswers()
    const first = [decide(waits, factsOf(1n)), decide(waits, factsOf(2n))]
    await until(() => proxy.asked.length === 1, 'a call is under way')
    const second = decide(waits, factsOf(3n))
    await until(() => proxy.asked.length === 2, 'two calls are under way')
    const queued = Array.from({ length: queueMax }, () => decide(waits, factsOf(4n)))
    const over = await decide(waits, factsOf(5n))
    assert.equal(over.kind, 'unavailable')
    release()
    const outcomes = await Promise.all([...first, second, ...queued])
    assert.ok(outcomes.every(({ kind }) => kind === 'decided'))
  })

  it('is unavailable where an answer is none', async () => {
    const answers: ((response: DecideBatchResponse) => DecideBatchResponse)[] = [
      ({ results }) => ({ results: results.map(() => ({ result: undefined })) }),
      ({ results }) => ({ results: results.slice(1) }),
      ({ results }) => ({
        results: results.map(() => ({
          result: { $case: 'failure', failure: { reason: 'RULE_FAILED', message: 'A rule.', metadata: {} } },
        })),
      }),
    ]
    for (const change of answers) {
      proxy.answer = async (request, real) => change(await real(request))
      assert.equal((await decide(waits, factsOf(10_000n))).kind, 'unavailable')
    }
  })

  it('is unavailable while Rules is away, and decides again when it is back', async function () {
    this.timeout(30_000)
    await process.kill()
    const away = await Promise.all([1n, 2n].map((amount) => decide(waits, factsOf(amount))))
    assert.deepEqual(
      away.map(({ kind }) => kind),
      ['unavailable', 'unavailable'],
    )
    await process.start()
    await until(async () => (await decide(waits, factsOf(1n))).kind === 'decided', 'Rules decides again')
  })
})
