import assert from 'node:assert/strict'
import { type Behaviour } from '../../../dev/provider-simulator/script.js'
import { type Intent, IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { type CrashPoint } from '../crash-points.js'
import { isFinal } from '../intents/intent.js'
import { type IntentProcess } from './intent-process.js'
import { TestMesh } from './mesh.js'
import { withdrawalRequest } from './payment-request.js'
import { type TestIntent } from './test-intent.js'
import { until } from './mesh-process.js'
import { SimulatedProvider } from './simulated-provider.js'

/** Kills an Intent process for real at each point of a payment that a provider carries out, and lets another finish it. */
describe('an Intent process that is killed while a provider is asked', function () {
  this.timeout(60_000)
  let mesh: TestMesh
  let intent: TestIntent
  let dying: IntentProcess
  let provider: SimulatedProvider
  let purse: Wallet

  before(async () => {
    mesh = await TestMesh.start()
    provider = await SimulatedProvider.start()
    dying = await mesh.intentProcess({ providers: [provider] })
    intent = await mesh.startIntent({ providers: [provider.options] })
    purse = await intent.wallet('ann', 10_000_000n)
    await mesh.allTold()
  })
  afterEach(() => mesh.assertConserved())
  after(() => provider.stop())

  /** The payment whose process died at the point, finished by the living one without being asked. */
  async function finishedAfter(point: CrashPoint): Promise<Intent> {
    const request = withdrawalRequest(purse, 10_000n)
    await dying.diesAt(point, (at) => at.pay('ann', request))
    const due = `update intents set resume_after = now() where state in ('VALIDATED', 'AUTHORIZED')`
    await until(async () => {
      await mesh.pool.query(due)
      return (await mesh.intents()).every(isFinal)
    }, 'every payment is final')
    const stored = (await mesh.intents()).find(({ requestId }) => requestId === request.requestId)
    assert.ok(stored)
    await mesh.allTold()
    return await intent.intent(`intents/${stored.id}`)
  }

  const answered: CrashPoint[] = ['after-ask', 'after-answer', 'after-report']
  const points: CrashPoint[] = ['after-ledger', 'after-update', 'before-ask', ...answered]
  const outcomes: [string, Behaviour, readonly CrashPoint[], IntentState, bigint][] = [
    ['settles', 'settle-at-once', points, IntentState.SETTLED, 10_000n],
    ['refuses', 'refuse-unprocessable', answered, IntentState.FAILED, 0n],
  ]
  for (const [what, behaviour, at, state, paidMinor] of outcomes) {
    for (const point of at) {
      it(`at ${point}, and the provider ${what}, leaves one outcome`, async () => {
        provider.behave({ behaviour })
        const [before, paidBefore] = [await intent.available(purse.name), provider.paidMinor]
        const finished = await finishedAfter(point)
        assert.equal(finished.state, state)
        assert.equal(provider.paidMinor - paidBefore, paidMinor, 'the provider has paid at most once')
        const debited = state === IntentState.SETTLED ? finished.payerTotal?.minorUnits : 0n
        assert.equal(before - (await intent.available(purse.name)), debited)
        const { rowCount } = await mesh.pool.query('select from discrepancies')
        assert.equal(rowCount, 0)
      })
    }
  }

  for (const point of ['after-ledger', 'after-update'] as const) {
    for (const [what, status, state] of [
      ['posting', 'SETTLED', IntentState.SETTLED],
      ['releasing', 'REFUSED', IntentState.FAILED],
    ] as const) {
      it(`at ${point} of ${what}, leaves one outcome`, async () => {
        provider.behave({ behaviour: 'undecided' })
        const before = await intent.available(purse.name)
        const { message: paid } = await intent.pay('ann', withdrawalRequest(purse, 10_000n))
        await intent.stop()
        provider.decide(paid.name.slice('intents/'.length), status)
        await mesh.pool.query(`update intents set resume_after = now() where state = 'AUTHORIZED'`)
        // It polls by itself, and dies of what it learns.
        await dying.diesUnasked(point)
        intent = await mesh.startIntent({ providers: [provider.options] })
        await mesh.pool.query(`update intents set resume_after = now() where state = 'AUTHORIZED'`)
        await until(async () => (await mesh.intents()).every(isFinal), 'every payment is final')
        const finished = await intent.intent(paid.name)
        assert.equal(finished.state, state)
        const debited = state === IntentState.SETTLED ? finished.payerTotal?.minorUnits : 0n
        assert.equal(before - (await intent.available(purse.name)), debited)
      })
    }
  }
})
