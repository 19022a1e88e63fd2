import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import {
  CancelIntentRequest,
  ConfirmIntentRequest,
  type CreateIntentRequest,
  IntentServiceService,
  RefundIntentRequest,
} from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { type CrashPoint, crashPoints } from '../crash-points.js'
import { type Intent, isResting, settledMinor } from '../intents/intent.js'
import { LimitMetric } from '../../../gen/paymesh/ledger/v1/limit.js'
import { systemClock } from '../../runtime/clock.js'
import { createPool } from '../../runtime/postgres.js'
import { feesOf, limitsOf } from '../decisions/decision.js'
import { type LimitLeg } from '../limits/limit.js'
import { TestMesh } from './mesh.js'
import { paymentRequest } from './payment-request.js'
import { type TestIntent } from './test-intent.js'
import { until } from './mesh-process.js'
import { ToldEvents } from './told-events.js'

// Random histories of payments against a small reference model. A command may be cut off at any crash point, as often as
// it is asked; what is asked again has the same request id. The model knows which outcomes are possible, not which of them
// a cut-off command came to; what must hold for each of them is checked at the end of every history.

/** One payment as the model knows it. */
interface Payment {
  readonly request: CreateIntentRequest
  readonly holds: boolean
  readonly refunds: RefundIntentRequest[]
  confirm: ConfirmIntentRequest | undefined
  cancel: CancelIntentRequest | undefined
  expired: boolean
}

interface Model {
  readonly payments: Payment[]
}

const userLimit = {
  id: 'daily-user',
  operation_types: ['P2P_TRANSFER'],
  assets: ['THB'],
  metric: 'AMOUNT',
  window: 'DAILY',
  time_zone: 'Asia/Bangkok',
}
const flatFee = {
  id: 'flat',
  operation_type: 'P2P_TRANSFER',
  assets: ['THB'],
  phase: 'PRE',
  revenue_account: 'accounts/fees.{asset}',
}

/** What the replica that is cut off does next, and how far its clock is ahead. */
interface Crash {
  at: CrashPoint | undefined
  aheadMs: number
}

class Real {
  readonly mesh: TestMesh
  readonly whole: TestIntent
  readonly crashing: TestIntent
  readonly purse: Wallet
  readonly shop: Wallet
  /** The highest cap that was ever published. */
  capMax = 0n
  readonly #crash: Crash

  private constructor(
    mesh: TestMesh,
    [whole, crashing]: [TestIntent, TestIntent],
    [purse, shop]: [Wallet, Wallet],
    crash: Crash,
  ) {
    this.mesh = mesh
    this.whole = whole
    this.crashing = crashing
    this.purse = purse
    this.shop = shop
    this.#crash = crash
  }

  static async start(mesh: TestMesh): Promise<Real> {
    const crash: Crash = { at: undefined, aheadMs: 0 }
    const whole = await mesh.startIntent()
    const crashing = await mesh.startIntent({
      crashPoint: (point) => {
        if (point !== crash.at) return
        crash.at = undefined
        throw new Error(`crash ${point}`)
      },
      clock: {
        nowMs: () => systemClock.nowMs() + crash.aheadMs,
        nowNs: () => systemClock.nowNs() + BigInt(crash.aheadMs) * 1_000_000n,
      },
    })
    const wallets: [Wallet, Wallet] = [await whole.wallet('ann', 1_000_000_000n), await whole.wallet('ben', 1_000n)]
    const real = new Real(mesh, [whole, crashing], wallets, crash)
    await real.publish(200_000n, 100n)
    return real
  }

  /** Caps what may be used of a day beyond what was used already, and prices what is paid from now on. */
  async publish(roomMinor: bigint, feeMinor: bigint): Promise<void> {
    const used = (await this.limitUses()).reduce((most, [, minor]) => (minor > most ? minor : most), 0n)
    const cap = used + roomMinor
    if (cap > this.capMax) this.capMax = cap
    await this.mesh.publishRuleSet({
      fees: [{ ...flatFee, flat_minor: feeMinor.toString() }],
      limits: [{ ...userLimit, cap: cap.toString() }],
    })
  }

  /** What settled or is held of each window of the limit, by the stored intents. */
  async limitUses(): Promise<[LimitLeg, bigint][]> {
    const uses = new Map<string, [LimitLeg, bigint]>()
    for (const intent of await this.mesh.intents()) {
      const [leg] = limitsOf(intent.decision)
      if (leg === undefined) continue
      const held = intent.status.state === 'AUTHORIZED' ? intent.amountMinor : 0n
      const used = uses.get(leg.window.name)?.[1] ?? 0n
      uses.set(leg.window.name, [leg, used + held + (settledMinor(intent) ?? 0n)])
    }
    return [...uses.values()]
  }

  /** Sets the clock of the replica that is cut off. */
  setClock(aheadMs: number): void {
    this.#crash.aheadMs = aheadMs
  }

  /** Asks the replica that is cut off at the point, once; undefined: the one that works. Whatever comes of it. */
  async ask(at: CrashPoint | undefined, call: (intent: TestIntent) => Promise<unknown>): Promise<void> {
    this.#crash.at = at
    await call(at === undefined ? this.whole : this.crashing).catch(() => undefined)
    this.#crash.at = undefined
  }

  async find({ request }: Payment): Promise<Intent | undefined> {
    return (await this.mesh.intents()).find(({ requestId }) => requestId === request.requestId)
  }
}

abstract class Command {
  readonly #pick: number
  protected readonly at: CrashPoint | undefined

  constructor(pick: number, at: CrashPoint | undefined) {
    this.#pick = pick
    this.at = at
  }

  check(model: Readonly<Model>): boolean {
    return model.payments.length > 0
  }

  abstract run(model: Model, real: Real): Promise<void>

  protected payment(model: Model): Payment {
    const payment = model.payments[this.#pick % model.payments.length]
    assert.ok(payment)
    return payment
  }

  toString(): string {
    return `${this.constructor.name}(${this.#pick}, ${this.at ?? 'whole'})`
  }
}

class Create extends Command {
  readonly #holds: boolean
  readonly #isPoor: boolean

  constructor(holds: boolean, isPoor: boolean, at: CrashPoint | undefined) {
    super(0, at)
    this.#holds = holds
    this.#isPoor = isPoor
  }

  override check(): boolean {
    return true
  }

  async run(model: Model, real: Real): Promise<void> {
    const amount = this.#isPoor ? 10n ** 15n : 10_000n
    const change = this.#holds ? { holdSeconds: 3_600 } : {}
    const request = paymentRequest(real.purse, real.shop, amount, change)
    const payment = { request, holds: this.#holds, refunds: [], confirm: undefined, cancel: undefined, expired: false }
    model.payments.push(payment)
    await real.ask(this.at, (intent) => intent.pay('ann', request))
  }
}

class Duplicate extends Command {
  async run(model: Model, real: Real): Promise<void> {
    const { request } = this.payment(model)
    await real.ask(this.at, (intent) => Promise.all([intent.pay('ann', request), intent.pay('ann', request)]))
  }
}

class Confirm extends Command {
  async run(model: Model, real: Real): Promise<void> {
    const payment = this.payment(model)
    const found = await real.find(payment)
    if (found === undefined) return
    const amount = { assetCode: 'THB', minorUnits: 4_000n }
    payment.confirm ??= ConfirmIntentRequest.fromPartial({
      name: `intents/${found.id}`,
      requestId: randomUUID(),
      amount,
    })
    const { confirm } = payment
    await real.ask(this.at, (intent) => intent.call(IntentServiceService.confirmIntent, confirm, { user: 'ann' }))
  }
}

class Cancel extends Command {
  async run(model: Model, real: Real): Promise<void> {
    const payment = this.payment(model)
    const found = await real.find(payment)
    if (found === undefined) return
    payment.cancel ??= CancelIntentRequest.fromPartial({ name: `intents/${found.id}`, requestId: randomUUID() })
    const { cancel } = payment
    await real.ask(this.at, (intent) => intent.call(IntentServiceService.cancelIntent, cancel, { user: 'ann' }))
  }
}

class Expire extends Command {
  async run(model: Model, real: Real): Promise<void> {
    const payment = this.payment(model)
    if (payment.holds) payment.expired = true
    await real.mesh.pool.query(
      `update intents set hold_expire_time = now(), resume_after = least(resume_after, now())
       where request_id = $1 and hold_expire_time is not null`,
      [payment.request.requestId],
    )
  }
}

class Refund extends Command {
  async run(model: Model, real: Real): Promise<void> {
    const payment = this.payment(model)
    const found = await real.find(payment)
    if (found === undefined) return
    const amount = { assetCode: 'THB', minorUnits: 3_000n }
    const refund = RefundIntentRequest.fromPartial({ name: `intents/${found.id}`, requestId: randomUUID(), amount })
    payment.refunds.push(refund)
    const merchant = { user: 'ben', permissions: ['refunds:write'] }
    // Twice at once: the second is the same refund, or meets the cut.
    await real.ask(this.at, (intent) =>
      Promise.all([1, 2].map(() => intent.call(IntentServiceService.refundIntent, refund, merchant))),
    )
  }
}

class Publish extends Command {
  readonly #roomMinor: bigint
  readonly #feeMinor: bigint

  constructor(roomMinor: number, feeMinor: number) {
    super(0, undefined)
    this.#roomMinor = BigInt(roomMinor)
    this.#feeMinor = BigInt(feeMinor)
  }

  override check(): boolean {
    return true
  }

  async run(_model: Model, real: Real): Promise<void> {
    await real.publish(this.#roomMinor, this.#feeMinor)
  }

  override toString(): string {
    return `Publish(${this.#roomMinor}, ${this.#feeMinor})`
  }
}

class JumpClock extends Command {
  readonly #aheadMs: number

  constructor(aheadMs: number) {
    super(0, undefined)
    this.#aheadMs = aheadMs
  }

  run(_model: Model, real: Real): Promise<void> {
    real.setClock(this.#aheadMs)
    return Promise.resolve()
  }

  override toString(): string {
    return `JumpClock(${this.#aheadMs})`
  }
}

class Resume extends Command {
  async run(_model: Model, real: Real): Promise<void> {
    await real.mesh.pool.query(
      `update intents set resume_after = now() where state = 'VALIDATED' or capture_minor is not null
         or release_kind is not null`,
    )
  }
}

const dayMs = 86_400_000

describe('any history of payments', () => {
  let mesh: TestMesh
  let real: Real
  let told: ToldEvents
  let rulesPool: ReturnType<typeof createPool>

  before(async function () {
    this.timeout(60_000)
    mesh = await TestMesh.start()
    real = await Real.start(mesh)
    told = new ToldEvents(mesh)
    rulesPool = createPool({ url: mesh.rulesDatabaseUrl, max: 1, applicationName: 'test' })
  })
  after(async () => {
    told.close()
    await rulesPool.end()
    await mesh.stop()
  })

  /** What the model allows each payment to have become. */
  async function assertPossible(model: Model): Promise<void> {
    const intents = await mesh.intents()
    for (const payment of model.payments) {
      const made = intents.filter(({ requestId }) => requestId === payment.request.requestId)
      assert.ok(made.length <= 1, 'one intent a request')
      const [intent] = made
      if (intent === undefined) continue
      const { state } = intent.status
      const isPoor = payment.request.intent!.amount!.minorUnits! > 10_000n
      const isOverLimit = intent.status.state === 'REJECTED' && intent.status.failure.reason === 'LIMIT_EXCEEDED'
      assert.ok(isPoor ? state === 'REJECTED' : isOverLimit || possibleStates(payment).includes(state), state)
      const refunds = intents.filter(({ parentId }) => parentId === intent.id)
      assert.ok(refunds.length <= payment.refunds.length)
      const back = refunds.reduce((sum, refund) => sum + (settledMinor(refund) ?? 0n), 0n)
      assert.equal(intent.refundedMinor, back)
      assert.equal(intent.refundAskedMinor, back, 'what was refused gave its part back')
      assert.ok(back <= (settledMinor(intent) ?? 0n), 'never more than settled')
    }
  }

  function possibleStates({ holds, confirm, cancel, expired }: Payment): string[] {
    if (!holds) return ['SETTLED']
    return [
      // Decided before it was made, or not at all.
      'AUTHORIZED',
      ...(confirm ? ['SETTLED'] : []),
      ...(cancel ? ['CANCELLED'] : []),
      ...(expired ? ['EXPIRED'] : []),
    ]
  }

  /** The Ledger counts what the intents say, and no cap was exceeded. */
  async function assertLimits(): Promise<void> {
    for (const [{ limit, scopeKey, window, assetCode }, minor] of await real.limitUses()) {
      const ledgerWindow = { limit, scopeKey, window: window.name, metric: LimitMetric.AMOUNT, assetCode }
      assert.equal((await mesh.limitUsage(ledgerWindow)).used, minor)
      assert.ok(minor <= real.capMax, `${minor} of ${real.capMax}`)
    }
  }

  /** Each payment has the fee of the rule set that its decision names, and no other. */
  async function assertPriced(): Promise<void> {
    const { rows } = await rulesPool.query<{ version: bigint; document: { fees: { flat_minor: string }[] } }>(
      'select version, document from rule_sets',
    )
    const feeOf = new Map(rows.map(({ version, document }) => [version, document.fees[0]?.flat_minor]))
    for (const { operationType, decision, assetCode } of await mesh.intents()) {
      if (operationType !== 'P2P_TRANSFER' || assetCode !== 'THB') continue
      const fees = feesOf(decision).map((fee) => fee.amountMinor.toString())
      assert.deepEqual(fees, [feeOf.get(decision.ruleSetVersion)])
    }
  }

  async function assertHistory(model: Model): Promise<void> {
    await new Resume(0, undefined).run(model, real)
    const rest = async () => (await mesh.intents()).every(isResting)
    await until(rest, 'every intent is final or waits for somebody', 20_000)
    const overdueText = `select 1 from intents where state = 'AUTHORIZED' and hold_expire_time <= now()`
    const noneOverdue = async () => (await mesh.pool.query(overdueText)).rowCount === 0
    await until(noneOverdue, 'no hold outlives its time', 20_000)
    await assertPossible(model)
    await mesh.assertConserved()
    await assertLimits()
    await assertPriced()
    await told.assertOfEachMove()
  }

  it('ends with every intent final or waiting for somebody, and every satang where it belongs', async function () {
    this.timeout(120_000)
    const at = fc.option(fc.constantFrom(...crashPoints), { nil: undefined })
    const pick = fc.nat(100)
    const command = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.tuple(fc.boolean(), fc.nat(9), at).map(([holds, n, point]) => new Create(holds, n === 0, point)),
      },
      { weight: 2, arbitrary: fc.tuple(pick, at).map((args) => new Duplicate(...args)) },
      { weight: 2, arbitrary: fc.tuple(pick, at).map((args) => new Confirm(...args)) },
      { weight: 1, arbitrary: fc.tuple(pick, at).map((args) => new Cancel(...args)) },
      { weight: 3, arbitrary: fc.tuple(pick, at).map((args) => new Refund(...args)) },
      { weight: 1, arbitrary: pick.map((number) => new Expire(number, undefined)) },
      { weight: 1, arbitrary: fc.constant(new Resume(0, undefined)) },
      {
        weight: 1,
        arbitrary: fc.tuple(fc.nat(60_000), fc.integer({ min: 1, max: 900 })).map((a) => new Publish(...a)),
      },
      { weight: 1, arbitrary: fc.constantFrom(0, dayMs, -dayMs, 3_600_000).map((aheadMs) => new JumpClock(aheadMs)) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 30, maxLength: 60, size: 'max' }), async (history) => {
        const model: Model = { payments: [] }
        for (const each of history) if (each.check(model)) await each.run(model, real)
        await assertHistory(model)
      }),
      { numRuns: 8, endOnFailure: true },
    )
  })
})
