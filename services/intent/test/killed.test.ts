import assert from 'node:assert/strict'
import {
  CancelIntentRequest,
  ConfirmIntentRequest,
  IntentServiceService,
  RefundIntentRequest,
} from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Intent, IntentState, RefundState } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { FailIntentRequest, IntentAdminServiceService } from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import { type CrashPoint } from '../crash-points.js'
import { isResting } from '../intents/intent.js'
import { type IntentProcess } from './intent-process.js'
import { TestMesh } from './mesh.js'
import { paymentRequest } from './payment-request.js'
import { operator } from './raw-client.js'
import { type TestIntent } from './test-intent.js'
import { until } from './mesh-process.js'

/** Kills an Intent process for real at each point of what follows a payment, and lets another one finish it. */
describe('an Intent process that is killed', function () {
  this.timeout(60_000)
  let mesh: TestMesh
  /** The process that lives. It leaves an intent that is under way to the one that dies for three seconds. */
  let intent: TestIntent
  let dying: IntentProcess
  let purse: Wallet
  let shop: Wallet

  before(async () => {
    mesh = await TestMesh.start()
    dying = await mesh.intentProcess()
    intent = await mesh.startIntent()
    purse = await intent.wallet('ann', 10_000_000n)
    shop = await intent.wallet('ben', 1_000_000n)
  })
  afterEach(() => mesh.assertConserved())
  after(() => mesh.stop())

  async function pay(holdSeconds?: number): Promise<Intent> {
    const change = holdSeconds === undefined ? {} : { holdSeconds }
    const { message } = await intent.pay('ann', paymentRequest(purse, shop, 10_000n, change))
    // An event that is still to be published would have the process die earlier.
    await mesh.allTold()
    return message
  }

  /** What the living process makes of an intent, without being asked. */
  async function finished({ name }: Intent): Promise<Intent> {
    await mesh.pool.query(
      `update intents set resume_after = now() where state = 'VALIDATED' or capture_minor is not null
         or release_kind is not null`,
    )
    await until(async () => (await mesh.intents()).every(isResting), 'everything rests')
    return await intent.intent(name)
  }

  const ann = { user: 'ann' }
  const ben = { user: 'ben', permissions: ['refunds:write'] }
  const confirmIt = ({ name }: Intent) => {
    const amount = { assetCode: 'THB', minorUnits: 4_000n }
    const request = ConfirmIntentRequest.fromPartial({ name, requestId: `confirm.${name.slice(8)}`, amount })
    return (at: TestIntent) => at.call(IntentServiceService.confirmIntent, request, ann)
  }
  const cancelIt = ({ name }: Intent) => {
    const request = CancelIntentRequest.fromPartial({ name, requestId: `cancel.${name.slice(8)}` })
    return (at: TestIntent) => at.call(IntentServiceService.cancelIntent, request, ann)
  }
  const refundIt = ({ name }: Intent) => {
    const request = RefundIntentRequest.fromPartial({ name, requestId: `refund.${name.slice(8)}` })
    return (at: TestIntent) => at.call(IntentServiceService.refundIntent, request, ben)
  }

  // What the living process finds without being asked, and what the same request gets from it then.
  const decisions: [string, CrashPoint, typeof confirmIt, keyof typeof IntentState, keyof typeof IntentState][] = [
    ['confirming', 'before-wish', confirmIt, 'AUTHORIZED', 'SETTLED'],
    ['confirming', 'after-wish', confirmIt, 'SETTLED', 'SETTLED'],
    ['confirming', 'after-ledger', confirmIt, 'SETTLED', 'SETTLED'],
    ['confirming', 'after-update', confirmIt, 'SETTLED', 'SETTLED'],
    ['cancelling', 'after-wish', cancelIt, 'CANCELLED', 'CANCELLED'],
    ['cancelling', 'after-ledger', cancelIt, 'CANCELLED', 'CANCELLED'],
  ]
  for (const [what, point, decide, found, final] of decisions) {
    it(`${what} at ${point} leaves a hold ${found}, and ${final} when asked again`, async () => {
      const held = await pay(600)
      await dying.diesAt(point, decide(held))
      assert.equal((await finished(held)).state, IntentState[found])
      await mesh.assertConserved()
      const { message } = await decide(held)(intent)
      assert.equal(message.intent?.state, IntentState[final])
    })
  }

  for (const point of ['after-ledger', 'after-update'] as const) {
    it(`releasing a hold whose time is over, at ${point}, releases it once`, async () => {
      const held = await pay(600)
      await intent.stop()
      await mesh.pool.query('update intents set hold_expire_time = now(), resume_after = now() where id = $1', [
        held.name.slice('intents/'.length),
      ])
      await dying.diesUnasked(point)
      intent = await mesh.startIntent()
      assert.equal((await finished(held)).state, IntentState.EXPIRED)
    })
  }

  /** A payment whose process died at the point before; nobody goes on with it by himself. */
  async function interruptedAt(point: CrashPoint, holdSeconds?: number): Promise<Intent> {
    const change = holdSeconds === undefined ? {} : { holdSeconds }
    const request = paymentRequest(purse, shop, 10_000n, change)
    await dying.diesAt(point, (at) => at.pay('ann', request))
    const { rows } = await mesh.pool.query<{ id: string }>(
      `update intents set resume_after = 'infinity' where request_id = $1 and state = 'VALIDATED' returning id`,
      [request.requestId],
    )
    return await intent.intent(`intents/${rows[0]!.id}`)
  }

  const failIt = ({ name }: Intent) => {
    const request = FailIntentRequest.fromPartial({ name, reason: 'gave up' })
    return (at: TestIntent) => at.call(IntentAdminServiceService.failIntent, request, operator)
  }
  const endings: [CrashPoint, CrashPoint, number | undefined, keyof typeof IntentState][] = [
    ['before-ledger', 'after-burn', undefined, 'REJECTED'],
    ['after-ledger', 'after-burn', undefined, 'SETTLED'],
    ['after-ledger', 'after-update', 600, 'FAILED'],
  ]
  for (const [paid, point, holdSeconds, found] of endings) {
    const what = `${holdSeconds === undefined ? 'a payment' : 'a hold'} cut off at ${paid}`
    it(`ending ${what}, at ${point}, leaves it ${found} for the operator's reason`, async () => {
      const interrupted = await interruptedAt(paid, holdSeconds)
      await dying.diesAt(point, failIt(interrupted))
      const soon = `select from intents where id = $1 and resume_after < now() + interval '1 minute'`
      assert.equal((await mesh.pool.query(soon, [interrupted.name.slice('intents/'.length)])).rowCount, 1)
      const ended = await finished(interrupted)
      assert.equal(ended.state, IntentState[found])
      assert.equal(ended.failure?.message, found === 'SETTLED' ? undefined : 'gave up')
    })
  }

  for (const point of ['after-insert', 'after-ledger', 'after-update'] as const) {
    it(`refunding at ${point} gives back once`, async () => {
      const paid = await pay()
      await dying.diesAt(point, refundIt(paid))
      assert.equal((await finished(paid)).refundState, RefundState.REFUNDED)
      const { message } = await refundIt(paid)(intent)
      assert.equal(message.intent?.state, IntentState.SETTLED)
      assert.equal((await finished(paid)).refundedAmount?.minorUnits, 10_000n)
    })
  }
})
