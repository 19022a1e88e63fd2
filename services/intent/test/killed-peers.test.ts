import assert from 'node:assert/strict'
import { type CreateIntentRequest } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Intent, IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { type CrashPoint } from '../crash-points.js'
import { isFinal } from '../intents/intent.js'
import { TestMesh } from './mesh.js'
import { paymentRequest, withdrawalRequest } from './payment-request.js'
import { type TestIntent } from './test-intent.js'
import { type MeshProcess, succeeds, until } from './mesh-process.js'
import { SimulatedProvider } from './simulated-provider.js'

/** Kills the services that a payment asks, for real, at each of its steps. Intent lives; killed.test.ts kills it. */
describe('a payment whose peer is killed', function () {
  this.timeout(60_000)
  let mesh: TestMesh
  let intent: TestIntent
  let provider: SimulatedProvider
  let purse: Wallet
  let shop: Wallet
  /** Whom to kill, and when: at the point, the nth time that it is reached. */
  let strike: { peer: MeshProcess; at: CrashPoint; nth: number } | undefined

  before(async () => {
    mesh = await TestMesh.start()
    provider = await SimulatedProvider.start()
    intent = await mesh.startIntent({ providers: [provider.options], crashPoint: reach })
    purse = await intent.wallet('ann', 10_000_000n)
    shop = await intent.wallet('ben')
  })
  afterEach(() => mesh.assertConserved())
  after(() => provider.stop())

  function reach(point: CrashPoint): void {
    if (strike?.at !== point || (strike.nth -= 1) > 0) return
    strike.peer.strike()
    strike = undefined
  }

  const instant = () => paymentRequest(purse, shop, 10_000n)
  const withdrawal = () => withdrawalRequest(purse, 10_000n)

  /** Has the peer die, comes back with it, and asks until the payment is over, as a client does. */
  async function survives(request: CreateIntentRequest, peer: 'ledger' | 'rules', at: CrashPoint, nth: number) {
    const before = await intent.available(purse.name)
    strike = { peer: mesh[peer], at, nth }
    const first = await intent.pay('ann', request).catch(() => undefined)
    assert.equal(strike, undefined, 'the payment passed the point')
    await mesh[peer].kill()
    await mesh[peer].start()
    await until(() => succeeds(mesh.accounts()), 'the Ledger answers the test')
    const paid = await paidAtLast(request)
    if (first !== undefined) assert.equal(paid.name, first.message.name)
    assert.equal(paid.state, IntentState.SETTLED)
    assert.equal(before - (await intent.available(purse.name)), paid.payerTotal?.minorUnits)
    const { rowCount } = await mesh.pool.query('select from intents where request_id = $1', [request.requestId])
    assert.equal(rowCount, 1)
  }

  async function paidAtLast(request: CreateIntentRequest): Promise<Intent> {
    await until(async () => {
      await intent.pay('ann', request).catch(() => undefined)
      await mesh.pool.query('update intents set resume_after = least(resume_after, now()) where request_id = $1', [
        request.requestId,
      ])
      return (await mesh.intents()).some((stored) => stored.requestId === request.requestId && isFinal(stored))
    }, 'the payment is over')
    return (await intent.pay('ann', request)).message
  }

  const instantSteps: CrashPoint[] = ['before-insert', 'after-insert', 'before-ledger', 'after-ledger', 'after-update']
  for (const point of instantSteps) {
    it(`survives the Ledger's death at ${point}, and is made once`, async () => {
      await survives(instant(), 'ledger', point, 1)
    })
  }
  for (const point of ['before-insert', 'before-ledger'] as const) {
    it(`survives the death of Rules at ${point}, and is made once`, async () => {
      await survives(instant(), 'rules', point, 1)
    })
  }

  // The money is held, the provider is asked, and the hold is posted: the Ledger is asked twice.
  const carriedSteps: [CrashPoint, number][] = [
    ['before-ledger', 1],
    ['after-ledger', 1],
    ['before-ask', 1],
    ['after-ask', 1],
    ['after-answer', 1],
    ['after-report', 1],
    ['before-ledger', 2],
    ['after-ledger', 2],
  ]
  for (const [point, nth] of carriedSteps) {
    it(`of a provider survives the Ledger's death at ${point} ${nth}, and the provider pays once`, async () => {
      const request = withdrawal()
      await survives(request, 'ledger', point, nth)
      const { message } = await intent.pay('ann', request)
      const id = message.name.slice('intents/'.length)
      assert.equal(provider.transfer(id).status, 'SETTLED')
      assert.equal(provider.posts(id), 1)
    })
  }
})
