import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import {
  CancelIntentRequest,
  ConfirmIntentRequest,
  type CreateIntentRequest,
} from '../../../gen/paymesh/intent/v1/intent_service.js'
import { IntentServiceService, type PreviewIntentResponse } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { ApproveIntentRequest, IntentAdminServiceService } from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import { type Intent, IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { type LimitLeg, LimitMetric } from '../../../gen/paymesh/rules/v1/decision.js'
import { LimitMetric as LedgerMetric, type LimitUsage } from '../../../gen/paymesh/ledger/v1/limit.js'
import { type CrashPoint } from '../crash-points.js'
import { connectValkey } from '../../runtime/valkey.js'
import { createLogger } from '../../runtime/logger.js'
import { assertFails } from './assert-fails.js'
import { TestMesh } from './mesh.js'
import { paymentRequest } from './payment-request.js'
import { type As, operator } from './raw-client.js'
import { type TestIntent } from './test-intent.js'
import { until } from './mesh-process.js'

/** Limits of a day, so wide that a test sets its own by the payer's name. */
function dailyLimit(user: string, cap: bigint, change: object = {}): object {
  return {
    id: `daily-${user}`,
    operation_types: ['P2P_TRANSFER'],
    assets: ['PTS'],
    metric: 'AMOUNT',
    window: 'DAILY',
    time_zone: 'Asia/Bangkok',
    condition: `payer.owner == 'users/${user}'`,
    cap: cap.toString(),
    ...change,
  }
}

describe('limits over time', function () {
  this.timeout(60_000)
  let mesh: TestMesh
  let intent: TestIntent
  const limits = new Map<string, object>()

  before(async () => {
    mesh = await TestMesh.start()
    intent = await mesh.startIntent()
  })
  afterEach(() => mesh.assertConserved())
  after(() => mesh.stop())

  /** Publishes the limit beside those of the other tests, and waits until payments of the user are under it. */
  async function setLimit(user: string, limit: object, cap: bigint, payer: Wallet, payee: Wallet): Promise<void> {
    limits.set(user, limit)
    // No fees: what a limit lets through is then what arrives.
    await mesh.publishRuleSet({ fees: [], limits: [...limits.values()] })
    // Enough for the fee of the rule set before.
    const capNow = async () => (await preview(user, payer, payee, 100n)).limits[0]?.cap
    await until(async () => (await capNow()) === cap, `the cap of ${user} is ${cap}`)
  }

  async function preview(user: string, payer: Wallet, payee: Wallet, minor = 1n): Promise<PreviewIntentResponse> {
    const { intent: order } = paymentRequest(payer, payee, minor)
    return (await intent.call(IntentServiceService.previewIntent, { intent: order }, { user })).message
  }

  /** A user with a purse and a limit of a day, and somebody to pay. */
  async function limited(user: string, cap: bigint, change: object = {}) {
    const purse = await intent.wallet(user, 1_000_000n, 'PTS')
    const shop = await intent.wallet(`${user}-shop`, 0n, 'PTS')
    const setCap = (next: bigint) => setLimit(user, dailyLimit(user, next, change), next, purse, shop)
    await setCap(cap)
    const pay = async (minor: bigint, at = intent) => (await at.pay(user, paymentRequest(purse, shop, minor))).message
    return { purse, shop, setCap, pay }
  }

  async function usageOf({ decision }: Intent): Promise<LimitUsage> {
    const leg: LimitLeg = decision!.limitLegs[0]!
    const metric = leg.metric === LimitMetric.AMOUNT ? LedgerMetric.AMOUNT : LedgerMetric.COUNT
    const { limit, scopeKey, assetCode, window } = leg
    return await mesh.limitUsage({ limit, scopeKey, window: window!.name, metric, assetCode })
  }

  it('are spent exactly by 200 payments at once, whatever fails meanwhile', async () => {
    const { purse, shop } = await limited('crowd', 5_000n)
    const dying = await mesh.intentProcess()
    await dying.start()
    const other = await dying.client()
    const requests = Array.from({ length: 200 }, () => paymentRequest(purse, shop, 100n))
    let answered = 0
    const made = requests.map(async (request, index) => {
      const payment = await paidAtLast([intent, other], index, request)
      answered += 1
      return payment
    })
    await until(() => answered >= 20, 'some payments are made')
    await flushValkey()
    await mesh.rules.kill()
    await dying.kill()
    await mesh.rules.start()
    await dying.start()
    const payments = await Promise.all(made)
    await other.stop()
    await dying.kill()

    const settled = payments.filter(({ state }) => state === IntentState.SETTLED)
    assert.equal(settled.length, 50)
    assert.equal(await intent.available(shop.name), 5_000n)
    const windowEnd = settled[0]!.decision!.limitLegs[0]!.window!.endTime
    for (const payment of payments) {
      if (payment.state === IntentState.SETTLED) continue
      assert.equal(payment.state, IntentState.REJECTED)
      assert.equal(payment.failure!.reason, 'LIMIT_EXCEEDED')
      assert.deepEqual(payment.failure!.limit, {
        limitId: 'daily-crowd',
        metric: LimitMetric.AMOUNT,
        assetCode: 'PTS',
        cap: 5_000n,
        used: 5_000n,
        windowEndTime: windowEnd,
      })
    }
    const { cap, used, left, held } = await usageOf(settled[0]!)
    assert.deepEqual({ cap, used, left, held }, { cap: 5_000n, used: 5_000n, left: 0n, held: 0n })
  })

  async function flushValkey(): Promise<void> {
    const valkey = connectValkey(mesh.valkeyUrl, 'test', createLogger({ name: 'test', level: 'silent' }))
    await once(valkey, 'ready')
    await valkey.flushall()
    valkey.disconnect()
  }

  /** Asks one replica after the other, as a client does, until the payment has come to its end. */
  async function paidAtLast(
    replicas: readonly TestIntent[],
    first: number,
    request: CreateIntentRequest,
  ): Promise<Intent> {
    for (let turn = first; ; turn++) {
      try {
        return (await replicas[turn % replicas.length]!.pay('crowd', request)).message
      } catch {
        assert.ok(turn - first < 1000, 'a payment comes to its end')
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }

  it('that are raised and lowered within the day count what was used', async () => {
    const { setCap, pay, purse, shop } = await limited('mira', 1_000n)
    const first = await pay(1_000n)
    assert.equal(first.state, IntentState.SETTLED)
    assert.equal((await pay(1n)).failure?.reason, 'LIMIT_EXCEEDED')
    await setCap(1_500n)
    assert.equal((await pay(501n)).failure?.reason, 'LIMIT_EXCEEDED')
    assert.equal((await pay(500n)).state, IntentState.SETTLED)
    await setCap(800n)
    const lowered = await pay(1n)
    assert.deepEqual([lowered.failure?.limit?.cap, lowered.failure?.limit?.used], [800n, 1_500n])
    await setCap(1_600n)
    const { limits: standing } = await preview('mira', purse, shop, 7n)
    assert.deepEqual([standing[0]?.used, standing[0]?.left, standing[0]?.uses], [1_500n, 100n, 7n])
    assert.equal((await pay(101n)).failure?.reason, 'LIMIT_EXCEEDED')
    assert.equal((await pay(100n)).state, IntentState.SETTLED)
    assert.equal((await usageOf(first)).used, 1_600n)
  })

  it('are used by what is held, and have it back when it is released or settles in part', async () => {
    const { purse, shop, setCap, pay } = await limited('hana', 1_000n)
    const hold = async (minor: bigint) =>
      (await intent.pay('hana', paymentRequest(purse, shop, minor, { holdSeconds: 3600 }))).message
    const [whole, part, gone] = [await hold(300n), await hold(300n), await hold(400n)]
    assert.equal((await pay(1n)).failure?.reason, 'LIMIT_EXCEEDED')
    assert.equal((await usageOf(whole)).held, 1_000n)
    await cancel(gone)
    await confirm(part, 100n)
    assert.equal((await usageOf(whole)).left, 600n)
    // A hold made under an old cap still settles, and counts under the new one.
    await setCap(500n)
    assert.equal((await pay(101n)).failure?.reason, 'LIMIT_EXCEEDED')
    assert.equal((await pay(100n)).state, IntentState.SETTLED)
    await confirm(whole)
    const { used, left, held } = await usageOf(whole)
    assert.deepEqual({ used, left, held }, { used: 500n, left: 0n, held: 0n })
  })

  async function confirm({ name }: Intent, minorUnits?: bigint): Promise<void> {
    const amount = minorUnits === undefined ? {} : { amount: { assetCode: 'PTS', minorUnits } }
    const request = ConfirmIntentRequest.fromPartial({ name, requestId: randomUUID(), ...amount })
    const { message } = await intent.call(IntentServiceService.confirmIntent, request, { user: 'hana' })
    assert.equal(message.intent!.state, IntentState.SETTLED)
  }

  async function cancel({ name }: Intent): Promise<void> {
    const request = CancelIntentRequest.fromPartial({ name, requestId: randomUUID() })
    const { message } = await intent.call(IntentServiceService.cancelIntent, request, { user: 'hana' })
    assert.equal(message.intent!.state, IntentState.CANCELLED)
  }

  it('that change between the decision and the chain have the payment tried again', async () => {
    const { purse, shop, setCap, pay } = await limited('zoe', 1_000n)
    const interrupted = await mesh.startIntent({ crashPoint: throwAt('before-ledger') })
    const left = [paymentRequest(purse, shop, 300n), paymentRequest(purse, shop, 700n)]
    for (const request of left) await assert.rejects(interrupted.pay('zoe', request))
    await setCap(900n)
    assert.equal((await pay(400n)).state, IntentState.SETTLED)
    const [fits, over] = await Promise.all(left.map(async (request) => (await intent.pay('zoe', request)).message))
    assert.equal(fits!.state, IntentState.SETTLED)
    assert.deepEqual([over!.state, over!.failure?.limit?.cap], [IntentState.REJECTED, 900n])
    const attempts = await attemptsOf([fits!, over!])
    assert.deepEqual(attempts, [1, 1])
    assert.equal(await intent.available(shop.name), 700n)
  })

  async function attemptsOf(payments: readonly Intent[]): Promise<number[]> {
    const stored = new Map((await mesh.intents()).map(({ id, attempt }) => [`intents/${id}`, attempt]))
    return payments.map(({ name }) => stored.get(name)!)
  }

  it('that go back to a cap of before are that cap, also where a payment of before was led to the higher one', async () => {
    const { purse, shop, setCap, pay } = await limited('nora', 500n)
    const interrupted = await mesh.startIntent({ crashPoint: throwAt('before-ledger') })
    const left = paymentRequest(purse, shop, 100n)
    await assert.rejects(interrupted.pay('nora', left))
    await setCap(1_000n)
    assert.equal((await pay(100n)).state, IntentState.SETTLED)
    assert.equal((await intent.pay('nora', left)).message.state, IntentState.SETTLED)
    await setCap(500n)
    const over = await pay(301n)
    assert.deepEqual([over.failure?.limit?.cap, over.failure?.limit?.used], [500n, 200n])
    assert.equal((await pay(300n)).state, IntentState.SETTLED)
  })

  it('count a payment that was reviewed when it goes on', async () => {
    const { purse, shop, setCap, pay } = await limited('rita', 1_000n)
    const odd = paymentRequest(purse, shop, 600n, { metadata: { suspicious: 'yes' } })
    const { message: waiting } = await intent.pay('rita', odd)
    assert.equal(waiting.state, IntentState.IN_REVIEW)
    assert.equal((await pay(500n)).state, IntentState.SETTLED)
    await setCap(1_100n)
    assert.equal((await pay(1n)).state, IntentState.SETTLED)
    const request = ApproveIntentRequest.fromPartial({ name: waiting.name })
    const { message } = await intent.call(IntentAdminServiceService.approveIntent, request, operator)
    assert.equal(message.intent!.failure?.reason, 'LIMIT_EXCEEDED')
  })

  for (const point of ['before-ledger', 'before-attempt', 'after-attempt'] satisfies CrashPoint[]) {
    it(`hold when a process is killed ${point}`, async () => {
      const user = `kill-${point}`
      const { purse, shop, setCap } = await limited(user, 1_000n)
      const interrupted = await mesh.startIntent({ crashPoint: throwAt('before-ledger') })
      const request = paymentRequest(purse, shop, 900n)
      await assert.rejects(interrupted.pay(user, request))
      await interrupted.stop()
      // Left to the process that dies, however long that takes to start.
      await mesh.pool.query(`update intents set resume_after = 'infinity' where request_id = $1`, [request.requestId])
      await setCap(2_000n)
      assert.equal((await intent.pay(user, paymentRequest(purse, shop, 1_000n))).message.state, IntentState.SETTLED)
      const dying = await mesh.intentProcess()
      await dying.diesAt(point, (at) => at.pay(user, request))
      const { message } = await intent.pay(user, request)
      assert.equal(message.state, IntentState.SETTLED)
      assert.deepEqual(await attemptsOf([message]), [1])
      const { used, left, held } = await usageOf(message)
      assert.deepEqual({ used, left, held }, { used: 1_900n, left: 100n, held: 0n })
    })
  }

  it('count payments, whatever their amounts and assets', async () => {
    const { shop, pay } = await limited('cora', 2n, { metric: 'COUNT', assets: undefined })
    assert.equal((await pay(900n)).state, IntentState.SETTLED)
    const baht = [await intent.wallet('cora', 10_000n), await intent.wallet('cora-shop')] as const
    const { message: second } = await intent.pay('cora', paymentRequest(...baht, 5n))
    assert.equal(second.state, IntentState.SETTLED)
    const third = await pay(1n)
    assert.deepEqual(
      [third.failure?.limit?.metric, third.failure?.limit?.used, third.failure?.limit?.assetCode],
      [LimitMetric.COUNT, 2n, ''],
    )
    assert.equal(await intent.available(shop.name), 900n)
  })

  it('of one payment refuse without a window', async () => {
    const { pay } = await limited('otto', 5_000n)
    const once = { ...dailyLimit('otto', 50n), id: 'once-otto', window: 'PER_TRANSACTION', time_zone: undefined }
    limits.set('otto-once', once)
    await mesh.publishRuleSet({ fees: [], limits: [...limits.values()] })
    await until(async () => (await pay(51n)).state === IntentState.REJECTED, 'the cap on one payment is in force')
    const { failure } = await pay(51n)
    assert.deepEqual(failure!.limit, {
      limitId: 'once-otto',
      metric: LimitMetric.AMOUNT,
      assetCode: 'PTS',
      cap: 50n,
      used: 51n,
      windowEndTime: undefined,
    })
  })

  it('are not shown to who is paid', async () => {
    const { pay } = await limited('iris', 5_000n)
    const payment = await pay(5n)
    assert.equal(payment.decision!.limitLegs.length, 1)
    const asPayee: As = { user: 'iris-shop' }
    const { message } = await intent.call(IntentServiceService.getIntent, { name: payment.name }, asPayee)
    assert.deepEqual(message.intent!.decision!.limitLegs, [])
  })

  it('that the Ledger cannot open stop a payment before it is written', async () => {
    const { purse, shop, pay } = await limited('lena', 5_000n)
    await mesh.ledger.kill()
    const request = paymentRequest(purse, shop, 5n)
    await assertFails(intent.pay('lena', request), {
      reason: 'DEPENDENCY_UNAVAILABLE',
      code: 'UNAVAILABLE',
      metadata: { dependency: 'ledger' },
    })
    const { limits: standing } = await preview('lena', purse, shop)
    assert.deepEqual([standing[0]?.cap, standing[0]?.used, standing[0]?.left], [5_000n, undefined, undefined])
    await mesh.ledger.start()
    await until(async () => (await pay(5n).catch(() => undefined)) !== undefined, 'payments are made again')
    const stored = await mesh.pool.query('select from intents where request_id = $1', [request.requestId])
    assert.equal(stored.rowCount, 0)
  })
})

function throwAt(point: CrashPoint) {
  return (reached: CrashPoint) => {
    if (reached === point) throw new Error(`stopped at ${point}`)
  }
}
