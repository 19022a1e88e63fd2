import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type Metadata } from '@grpc/grpc-js'
import {
  CancelIntentRequest,
  ConfirmIntentRequest,
  IntentServiceService,
  ListIntentsRequest,
} from '../../../gen/paymesh/intent/v1/intent_service.js'
import { CaptureMode, type Intent, IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { assertFails, type ExpectedFailure } from '../test/assert-fails.js'
import { TestMesh } from '../test/mesh.js'
import { paymentRequest, type PaymentChange } from '../test/payment-request.js'
import { type As } from '../test/raw-client.js'
import { type TestIntent } from '../test/test-intent.js'
import { until } from '../test/mesh-process.js'

// A payment of 100.00 has a PRE fee of 1.00 and a POST fee of 0.50; a charge a POST fee of 1.00.
describe('ConfirmIntent and CancelIntent', () => {
  let mesh: TestMesh
  let intent: TestIntent
  let other: TestIntent
  let purse: Wallet
  let shop: Wallet

  before(async function () {
    this.timeout(60_000)
    mesh = await TestMesh.start()
    intent = await mesh.startIntent()
    other = await mesh.startIntent()
    purse = await intent.wallet('ann', 10_000_000n)
    shop = await intent.wallet('ben')
  })
  afterEach(() => mesh.assertConserved())
  after(() => mesh.stop())

  const ann: As = { user: 'ann' }
  const ben: As = { user: 'ben' }

  interface Options {
    as?: As
    at?: TestIntent
    requestId?: string
  }

  interface Answered {
    message: Intent
    headers: Metadata
  }

  async function hold(change: PaymentChange = {}): Promise<Intent> {
    return (await intent.pay('ann', paymentRequest(purse, shop, 10_000n, { holdSeconds: 3_600, ...change }))).message
  }

  async function confirm(
    { name }: Intent,
    minorUnits?: bigint,
    { as = ann, at = intent, requestId = randomUUID() }: Options = {},
  ): Promise<Answered> {
    const amount = minorUnits === undefined ? {} : { amount: { assetCode: 'THB', minorUnits } }
    const request = ConfirmIntentRequest.fromPartial({ name, requestId, ...amount })
    const { message, headers } = await at.call(IntentServiceService.confirmIntent, request, as)
    return { message: message.intent!, headers }
  }

  async function cancel(
    { name }: Intent,
    { as = ann, at = intent, requestId = randomUUID() }: Options = {},
  ): Promise<Answered> {
    const request = CancelIntentRequest.fromPartial({ name, requestId })
    const { message, headers } = await at.call(IntentServiceService.cancelIntent, request, as)
    return { message: message.intent!, headers }
  }

  /** Ends the time of a hold. */
  async function expire({ name }: Intent): Promise<void> {
    await mesh.pool.query(
      'update intents set hold_expire_time = now(), resume_after = least(resume_after, now()) where id = $1',
      [name.slice('intents/'.length)],
    )
  }

  async function balances(): Promise<[bigint, bigint]> {
    return [await intent.available(purse.name), await intent.available(shop.name)]
  }

  it('hold the money, and settle it whole', async () => {
    const [purseBefore, shopBefore] = await balances()
    const held = await hold()
    assert.equal(held.state, IntentState.AUTHORIZED)
    assert.equal(held.captureMode, CaptureMode.MANUAL)
    assert.equal(held.holdDuration?.seconds, 3_600n)
    assert.ok(held.holdExpireTime!.seconds - held.createTime!.seconds >= 3_599n)
    assert.equal(held.settledAmount, undefined)
    assert.deepEqual(await balances(), [purseBefore - 10_100n, shopBefore])
    const { message } = await confirm(held)
    assert.equal(message.state, IntentState.SETTLED)
    assert.deepEqual(
      message.stateChanges.map(({ state }) => state),
      [IntentState.CREATED, IntentState.VALIDATED, IntentState.AUTHORIZED, IntentState.SETTLED],
    )
    assert.equal(message.settledAmount?.minorUnits, 10_000n)
    assert.deepEqual(await balances(), [purseBefore - 10_100n, shopBefore + 9_950n])
    assert.deepEqual(await intent.intent(held.name), message)
  })

  it('settle a part with the fees of the whole, and return the rest', async () => {
    const [purseBefore, shopBefore] = await balances()
    const { message } = await confirm(await hold(), 4_000n)
    assert.equal(message.settledAmount?.minorUnits, 4_000n)
    assert.deepEqual([message.payerTotal?.minorUnits, message.payeeTotal?.minorUnits], [4_100n, 3_950n])
    assert.equal(message.amount?.minorUnits, 10_000n)
    assert.deepEqual(await balances(), [purseBefore - 4_100n, shopBefore + 3_950n])
  })

  it('settle as little as the fees allow', async () => {
    const held = await hold()
    const range = { minor_units_min: '51', minor_units_max: '10000' }
    for (const minorUnits of [1n, 50n, 10_001n]) {
      await assertFails(confirm(held, minorUnits), {
        reason: 'AMOUNT_NOT_CAPTURABLE',
        code: 'FAILED_PRECONDITION',
        metadata: range,
      })
    }
    assert.equal((await confirm(held, 51n)).message.payeeTotal?.minorUnits, 1n)
  })

  it('release what is held', async () => {
    const before = await balances()
    const { message } = await cancel(await hold())
    assert.equal(message.state, IntentState.CANCELLED)
    assert.deepEqual(await balances(), before)
    assert.equal(message.failure, undefined)
  })

  it('leave an order that cannot be covered REJECTED, and nothing to confirm', async () => {
    const { message } = await intent.pay('ann', paymentRequest(purse, shop, 10n ** 12n, { holdSeconds: 60 }))
    assert.equal(message.failure?.reason, 'INSUFFICIENT_FUNDS')
    await assertFails(confirm(message), {
      reason: 'INTENT_NOT_HELD',
      code: 'FAILED_PRECONDITION',
      metadata: { intent: message.name, state: 'REJECTED' },
    })
  })

  it('are the payee’s to decide for a charge, and the payer’s for everything else', async () => {
    const charge = await hold({ operationType: 'MERCHANT_CHARGE' })
    for (const decide of [confirm, cancel]) {
      await assertFails(decide(charge), { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' })
    }
    const listed = await intent.call(IntentServiceService.listIntents, ListIntentsRequest.fromPartial({}), ben)
    assert.ok(listed.message.intents.some(({ name }) => name === charge.name))
    const { message } = await confirm(charge, 5_000n, { as: ben })
    assert.equal(message.payerTotal, undefined, 'the payer’s alone')
    assert.equal(message.payeeTotal?.minorUnits, 4_900n)
    const transfer = await hold()
    await assertFails(confirm(transfer, undefined, { as: ben }), { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' })
    await assertFails(intent.call(IntentServiceService.getIntent, { name: transfer.name }, ben), {
      reason: 'NOT_OWNER',
      code: 'PERMISSION_DENIED',
    })
    await cancel(transfer)
  })

  it('asked again answer the same, and know another content', async () => {
    const held = await hold()
    const requestId = randomUUID()
    const first = await confirm(held, 4_000n, { requestId })
    const again = await confirm(held, 4_000n, { requestId })
    assert.deepEqual(again.message, first.message)
    assert.deepEqual(
      [first, again].map(({ headers }) => headers.get('idempotent-replay')),
      [[], ['true']],
    )
    const reused = { reason: 'REQUEST_ID_REUSED', code: 'ALREADY_EXISTS', metadata: { request_id: requestId } } as const
    await assertFails(confirm(held, 4_001n, { requestId }), reused)
    await assertFails(confirm(held, undefined, { requestId }), reused)
    await assertFails(cancel(held, { requestId }), reused)
    const next = await hold()
    await assertFails(confirm(next, 4_000n, { requestId }), reused)
    await assertFails(confirm(held), {
      reason: 'INTENT_NOT_HELD',
      code: 'FAILED_PRECONDITION',
      metadata: { intent: held.name, state: 'SETTLED' },
    })
    await cancel(next)
  })

  it('asked for fifty times at once, of two replicas, happen once', async () => {
    const held = await hold()
    const [, shopBefore] = await balances()
    const requestId = randomUUID()
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        confirm(held, 4_000n, { requestId, at: index % 2 === 0 ? intent : other }),
      ),
    )
    for (const { message } of answers) assert.deepEqual(message, answers[0]!.message)
    assert.equal(answers[0]!.message.state, IntentState.SETTLED)
    assert.equal((await balances())[1], shopBefore + 3_950n)
  })

  it('that nobody uses in time expires', async () => {
    const before = await balances()
    const held = await hold()
    // Over, and the resumer does not know yet.
    await mesh.pool.query('update intents set hold_expire_time = now() where id = $1', [held.name.slice(8)])
    await assertFails(confirm(held), {
      reason: 'HOLD_EXPIRED',
      code: 'FAILED_PRECONDITION',
      metadata: { intent: held.name },
    })
    await expire(held)
    await until(async () => (await intent.intent(held.name)).state === IntentState.EXPIRED, 'the hold expires')
    assert.deepEqual(await balances(), before)
  })

  it('of a payee that was frozen meanwhile fails, and the payer has it back', async () => {
    const gone = await intent.wallet('gone')
    const held = (await intent.pay('ann', paymentRequest(purse, gone, 10_000n, { holdSeconds: 60 }))).message
    const [purseBefore] = await balances()
    await mesh.freezeAccount(gone.ledgerAccount)
    const { message } = await confirm(held)
    assert.equal(message.state, IntentState.FAILED)
    assert.equal(message.failure?.reason, 'ACCOUNT_CLOSED')
    assert.equal((await balances())[0], purseBefore + 10_100n)
  })

  it('raced against each other and the end of time, twice each, end in one outcome', async function () {
    this.timeout(60_000)
    for (let round = 0; round < 12; round += 1) {
      const [purseBefore, shopBefore] = await balances()
      const held = await hold()
      const answers = await Promise.allSettled([
        confirm(held, 4_000n),
        confirm(held, 6_000n, { at: other }),
        cancel(held, { at: other }),
        cancel(held),
        expire(held),
        expire(held),
      ])
      await until(async () => (await intent.intent(held.name)).state !== IntentState.AUTHORIZED, 'it is decided')
      const final = await intent.intent(held.name)
      for (const answer of answers.slice(0, 4)) {
        if (answer.status !== 'fulfilled') continue
        // When it was to expire is what this test sets meanwhile.
        const { holdExpireTime: _, ...told } = (answer.value as Answered).message
        const { holdExpireTime: __, ...kept } = final
        assert.deepEqual(told, kept)
      }
      const settled = final.settledAmount?.minorUnits
      assert.equal(settled !== undefined, final.state === IntentState.SETTLED)
      assert.ok([undefined, 4_000n, 6_000n].includes(settled))
      const after: [bigint, bigint] =
        settled === undefined ? [purseBefore, shopBefore] : [purseBefore - settled - 100n, shopBefore + settled - 50n]
      assert.deepEqual(await balances(), after)
    }
  })

  it('fail, in this order', async () => {
    const held = await hold()
    const unknown = 'intents/0190a000-0000-7000-8000-00000000dead'
    const bothFail = async (name: string, as: As, failure: ExpectedFailure) => {
      const { confirmIntent, cancelIntent } = IntentServiceService
      await assertFails(intent.call(confirmIntent, ConfirmIntentRequest.fromPartial({ name }), as), failure)
      await assertFails(intent.call(cancelIntent, CancelIntentRequest.fromPartial({ name }), as), failure)
    }
    const reader = { user: 'ann', permissions: ['intents:read'] }
    await bothFail('x', reader, { reason: 'PERMISSION_MISSING', code: 'PERMISSION_DENIED' })
    await bothFail('x', ann, { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields: ['name'] })
    await bothFail(unknown, ann, { reason: 'INTENT_NOT_FOUND', code: 'NOT_FOUND' })
    await bothFail(held.name, { user: 'eve' }, { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' })
    await bothFail(held.name, ann, { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields: ['request_id'] })
    const dollars = { name: held.name, requestId: 'r', amount: { assetCode: 'USD', minorUnits: 0n } }
    await assertFails(intent.call(IntentServiceService.confirmIntent, ConfirmIntentRequest.fromPartial(dollars), ann), {
      reason: 'INVALID_FIELD',
      code: 'INVALID_ARGUMENT',
      fields: ['amount.minor_units', 'amount.asset_code'],
    })
    await cancel(held)
  })
})
