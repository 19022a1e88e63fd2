// Payments that an outside provider scores, through the whole mesh.
import assert from 'node:assert/strict'
import { type Intent, IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { TestMesh } from './mesh.js'
import { paymentRequest } from './payment-request.js'
import { type TestIntent } from './test-intent.js'
import { until } from './mesh-process.js'
import { answers, type ScoringServer, startScoringServer } from './scoring-server.js'

const rule = (id: string, action: string, condition: string) => {
  return { id, operation_types: ['P2P_TRANSFER'], reason: id.toUpperCase(), action, condition }
}
const rules = [rule('scored_high', 'DENY', 'has(signals.external_score) && signals.external_score > 500')]
const scoring = {
  operation_types: ['P2P_TRANSFER'],
  condition: 'amount > 1000 && (!has(signals.payments_last_hour) || signals.payments_last_hour < 1000)',
  provider: 'acme',
  deadline_ms: 500,
}

describe('payments by a rule set with scoring', () => {
  let mesh: TestMesh
  let server: ScoringServer
  let intent: TestIntent
  let ann: Wallet
  let ben: Wallet

  before(async function () {
    this.timeout(60_000)
    mesh = await TestMesh.start()
    server = await startScoringServer()
    intent = await mesh.startIntent({ scoringProviders: [server.provider] })
    ann = await intent.wallet('ann', 10_000_000n)
    ben = await intent.wallet('ben')
  })
  after(async () => {
    await mesh.stop()
    await server.stop()
  })

  const pay = async (minor = 2_000n): Promise<Intent> =>
    (await intent.pay('ann', paymentRequest(ann, ben, minor))).message
  const become = async (minor = 2_000n) => {
    const { state, failure } = await pay(minor)
    return failure?.reason ?? (state === IntentState.SETTLED ? 'SETTLED' : 'IN_REVIEW')
  }

  it('settle or not by their score, and without one as the rule set says', async () => {
    const expected = { ALLOW: 'SETTLED', REVIEW: 'IN_REVIEW', DENY: 'RISK_DENIED', IGNORE: 'SETTLED' } as const
    for (const [without_score, outcome] of Object.entries(expected)) {
      await mesh.publishRuleSet({ risk: { rules }, scoring: { ...scoring, without_score } })
      // Garbage comes at once: the first of a version is asked for a score, and goes as the version says.
      server.answer = answers.text('garbage')
      await until(async () => (await become()) === outcome, without_score)
      server.answer = answers.score(500)
      // After the provider was left alone for its failures it is asked again.
      await until(async () => {
        const asked = server.asked.length
        return (await become()) === 'SETTLED' && server.asked.length > asked
      }, `${without_score}, scored`)
      server.answer = answers.score(501)
      await until(async () => (await become()) === 'RISK_DENIED', `${without_score}, scored high`)
      const asked = server.asked.length
      assert.equal(await become(1_000n), 'SETTLED')
      assert.equal(server.asked.length, asked)
    }
    await mesh.assertConserved()
  }).timeout(60_000)
})
