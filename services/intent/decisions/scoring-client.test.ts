import assert from 'node:assert/strict'
import { Counter, Registry } from 'prom-client'
import { createLogger } from '../../runtime/logger.js'
import { type PaymentFacts } from './rules-client.js'
import { createScoring, type Scoring } from './scoring-client.js'
import { exampleOrder, payeeWallet, payerWallet, startMs } from '../test/example-intent.js'
import { answers, type ScoringServer, startScoringServer } from '../test/scoring-server.js'
import { until } from '../test/mesh-process.js'

const facts: PaymentFacts = {
  order: exampleOrder({ metadata: { note: 'for the doctor' } }),
  payerOwner: 'users/ann',
  payeeOwner: 'users/ben',
  payerTags: ['vip'],
  level: undefined,
  timeMs: startMs,
}
const waits = { signal: new AbortController().signal }

describe('the client of scoring providers', () => {
  let server: ScoringServer
  let scoring: Scoring
  let elapsedMs: number
  let outcomes: Counter<'provider' | 'outcome'>

  beforeEach(async () => {
    server = await startScoringServer()
    elapsedMs = 0
    outcomes = new Counter({ name: 'o', help: '.', labelNames: ['provider', 'outcome'], registers: [new Registry()] })
    scoring = createScoring({
      providers: [server.provider],
      elapsedMs: () => elapsedMs,
      outcomes,
      log: createLogger({ name: 'intent', level: 'silent' }),
    })
  })
  afterEach(() => server.stop())

  const score = (deadlineMs = 500, call: { signal: AbortSignal } = waits) =>
    scoring.scoreOf(call, 'acme', deadlineMs, facts)
  const counted = async (): Promise<Readonly<Record<string, number>>> =>
    Object.fromEntries(
      (await outcomes.get()).values.map(({ labels, value }) => [String(labels.outcome), value] as const),
    )

  /** A score that a busy machine may take its time for. */
  const scoresAgain = () => until(async () => (await score()) !== undefined, 'the provider is asked again')

  it('tells ids and amounts, and nothing else of a person', async () => {
    server.answer = answers.score(42)
    await scoresAgain()
    const { headers, body } = server.asked[0]!
    assert.equal(headers.authorization, 'Bearer a-key')
    assert.deepEqual(JSON.parse(body), {
      operationType: 'P2P_TRANSFER',
      amount: { assetCode: 'THB', minorUnits: '10000' },
      payer: { party: `wallets/${payerWallet}`, owner: 'users/ann' },
      payee: { party: `wallets/${payeeWallet}`, owner: 'users/ben' },
      time: '2026-01-02T03:04:05.678Z',
    })
    const external = { kind: 'BANK_ACCOUNT', bankCode: '004', accountNumber: '1234567890' } as const
    const order = { ...facts.order, payee: { kind: 'external', external } as const }
    await scoring.scoreOf(waits, 'acme', 500, { ...facts, order, payeeOwner: '' })
    assert.equal(server.asked.at(-1)!.body.includes('1234567890'), false)
  })

  it('has no score of a provider that misbehaves, whatever it does', async () => {
    const ways = [
      answers.never,
      answers.text('garbage'),
      answers.text(''),
      answers.text('{"score":"7"}'),
      answers.score(1001),
      answers.score(-1),
      answers.score(7.5),
      answers.score(undefined),
      answers.status(500),
      answers.status(307),
      answers.status(204),
      answers.endless,
      answers.dripping,
      answers.reset,
    ]
    for (const [index, way] of ways.entries()) {
      server.answer = way
      assert.equal(await score(100), undefined, String(index))
      // Not yet left alone.
      server.answer = answers.score(1000)
      await scoresAgain()
    }
    assert.equal((await counted())['skipped'], undefined)
    assert.equal(await scoring.scoreOf(waits, 'nobody', 100, facts), undefined)
  })

  it('leaves a provider alone that keeps failing, and tries it by one payment later', async () => {
    server.answer = answers.status(500)
    for (let count = 0; count < 5; count++) assert.equal(await score(), undefined)
    assert.equal(server.asked.length, 5)
    server.answer = answers.score(7)
    elapsedMs = 4_999
    assert.equal(await score(), undefined)
    assert.equal(server.asked.length, 5)
    elapsedMs = 5_000
    server.answer = answers.never
    const probes = await Promise.all([score(50), score(50), score(50)])
    assert.deepEqual(probes, [undefined, undefined, undefined])
    assert.equal((await counted())['failed'], 6)
    assert.equal(await score(), undefined)
    server.answer = answers.score(7)
    await until(async () => {
      elapsedMs += 5_000
      return (await score()) === 7n
    }, 'the provider is asked again')
    assert.ok((await Promise.all([score(), score()])).includes(7n))
  })

  it('is told of a caller that goes away, which is no failure of the provider', async () => {
    server.answer = answers.never
    for (let count = 0; count < 6; count++) {
      const leaving = new AbortController()
      const asked = score(500, leaving)
      leaving.abort()
      assert.equal(await asked, undefined)
    }
    assert.deepEqual(await counted(), { left: 6 })
  })
})
