import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type Metadata } from '@grpc/grpc-js'
import { IntentServiceService, RefundIntentRequest } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Intent, IntentState, RefundState } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { assertFails } from '../test/assert-fails.js'
import { TestMesh } from '../test/mesh.js'
import { paymentRequest } from '../test/payment-request.js'
import { type As } from '../test/raw-client.js'
import { type TestIntent } from '../test/test-intent.js'
import { until } from '../test/mesh-process.js'

// A charge of 100.00 has a POST fee of 1.00; it stays when the charge is given back.
describe('RefundIntent', () => {
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
    shop = await intent.wallet('shop', 1_000_000n)
  })
  afterEach(() => mesh.assertConserved())
  after(() => mesh.stop())

  const merchant: As = { user: 'shop', permissions: ['refunds:write', 'intents:write'] }
  const support: As = { user: 'sue', permissions: ['refunds:write'], roles: ['support'] }

  interface Options {
    as?: As
    at?: TestIntent
    requestId?: string
    reason?: string
  }

  interface Answered {
    message: Intent
    headers: Metadata
  }

  async function charge(payee = shop, minorUnits = 10_000n): Promise<Intent> {
    const request = paymentRequest(purse, payee, minorUnits, { operationType: 'MERCHANT_CHARGE' })
    return (await intent.pay('ann', request)).message
  }

  async function refund(
    { name }: { name: string },
    minorUnits?: bigint,
    { as = merchant, at = intent, requestId = randomUUID(), reason = '' }: Options = {},
  ): Promise<Answered> {
    const amount = minorUnits === undefined ? {} : { amount: { assetCode: 'THB', minorUnits } }
    const request = RefundIntentRequest.fromPartial({ name, requestId, reason, ...amount })
    const { message, headers } = await at.call(IntentServiceService.refundIntent, request, as)
    return { message: message.intent!, headers }
  }

  it('gives all of a charge back, and keeps its fees', async () => {
    const [purseBefore, shopBefore] = [await intent.available(purse.name), await intent.available(shop.name)]
    const paid = await charge()
    const { message } = await refund(paid, undefined, { reason: 'wrong size' })
    assert.equal(message.state, IntentState.SETTLED)
    assert.equal(message.operationType, 'REFUND')
    assert.equal(message.parent, paid.name)
    assert.equal(message.creator, 'users/shop')
    assert.deepEqual(message.metadata, { reason: 'wrong size' })
    assert.deepEqual([message.payer, message.payee], [paid.payee, paid.payer])
    assert.equal(await intent.available(purse.name), purseBefore)
    assert.equal(await intent.available(shop.name), shopBefore - 100n)
    const after = await intent.intent(paid.name)
    assert.deepEqual([after.refundState, after.refundedAmount?.minorUnits], [RefundState.REFUNDED, 10_000n])
    assert.notEqual(after.etag, paid.etag)
  })

  it('gives parts back until nothing is left', async () => {
    const paid = await charge()
    await refund(paid, 4_000n)
    assert.equal((await intent.intent(paid.name)).refundState, RefundState.PARTIALLY_REFUNDED)
    const excess = { reason: 'REFUND_EXCEEDS_SETTLED', code: 'FAILED_PRECONDITION' } as const
    await assertFails(refund(paid, 6_001n), { ...excess, metadata: { intent: paid.name, minor_units_max: '6000' } })
    assert.equal((await refund(paid)).message.amount?.minorUnits, 6_000n, 'the rest')
    for (const amount of [undefined, 1n]) {
      await assertFails(refund(paid, amount), { ...excess, metadata: { intent: paid.name, minor_units_max: '0' } })
    }
  })

  it('asked for by many at once, of two replicas, never gives back more than settled', async () => {
    const paid = await charge()
    const answers = await Promise.allSettled(
      Array.from({ length: 30 }, (_, index) => refund(paid, 1_500n, { at: index % 2 === 0 ? intent : other })),
    )
    assert.equal(answers.filter(({ status }) => status === 'fulfilled').length, 6)
    assert.equal((await intent.intent(paid.name)).refundedAmount?.minorUnits, 9_000n)
  })

  it('asked again answers the same, and knows another content', async () => {
    const paid = await charge()
    const requestId = randomUUID()
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        refund(paid, undefined, { requestId, at: index % 2 === 0 ? intent : other }),
      ),
    )
    for (const { message } of answers) assert.deepEqual(message, answers[0]!.message)
    const again = await refund(paid, undefined, { requestId })
    assert.deepEqual(again.headers.get('idempotent-replay'), ['true'])
    const reused = { reason: 'REQUEST_ID_REUSED', code: 'ALREADY_EXISTS' } as const
    await assertFails(refund(paid, 10_000n, { requestId }), reused)
    await assertFails(refund(paid, undefined, { requestId, reason: 'x' }), reused)
    await assertFails(refund(await charge(), undefined, { requestId }), reused)
  })

  it('that the payee cannot cover is REJECTED, and its part may be refunded later', async () => {
    const poor = await intent.wallet('shop')
    const paid = await charge(poor)
    const { message } = await refund(paid)
    assert.equal(message.state, IntentState.REJECTED)
    assert.equal(message.failure?.reason, 'INSUFFICIENT_FUNDS', 'the fee of the charge is missing')
    assert.equal((await intent.intent(paid.name)).refundState, RefundState.UNSPECIFIED)
    await intent.fund(poor.name, 100n)
    assert.equal((await refund(paid)).message.state, IntentState.SETTLED)
  })

  it('of a part that was confirmed is at most that part', async () => {
    const request = paymentRequest(purse, shop, 10_000n, { operationType: 'MERCHANT_CHARGE', holdSeconds: 60 })
    const { message: held } = await intent.pay('ann', request)
    await assertFails(refund(held), {
      reason: 'INTENT_NOT_REFUNDABLE',
      code: 'FAILED_PRECONDITION',
      metadata: { intent: held.name, state: 'AUTHORIZED' },
    })
    const amount = { assetCode: 'THB', minorUnits: 3_000n }
    await intent.call(IntentServiceService.confirmIntent, { name: held.name, requestId: 'part', amount }, merchant)
    await assertFails(refund(held, 3_001n), { reason: 'REFUND_EXCEEDS_SETTLED', code: 'FAILED_PRECONDITION' })
    assert.equal((await refund(held)).message.amount?.minorUnits, 3_000n)
  })

  it('holds its part while the Ledger is away, and is finished by the resumer', async function () {
    this.timeout(60_000)
    const paid = await charge()
    await mesh.ledger.kill()
    await assertFails(refund(paid, 9_000n), { reason: 'DEPENDENCY_UNAVAILABLE', code: 'UNAVAILABLE' })
    await assertFails(refund(paid, 1_001n), { reason: 'REFUND_EXCEEDS_SETTLED', code: 'FAILED_PRECONDITION' })
    assert.equal((await intent.intent(paid.name)).refundState, RefundState.UNSPECIFIED, 'nothing came back yet')
    await mesh.ledger.start()
    const refunded = async () => (await intent.intent(paid.name)).refundedAmount?.minorUnits === 9_000n
    await until(refunded, 'the refund settles', 20_000)
  })

  it('is for who was paid and for support', async () => {
    const paid = await charge()
    for (const as of [
      { ...merchant, user: 'ann' },
      { ...merchant, user: 'eve' },
    ]) {
      await assertFails(refund(paid, 1n, { as }), { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' })
    }
    assert.equal((await refund(paid, 1n, { as: support })).message.creator, 'users/sue')
  })

  it('fails, in this order', async () => {
    const paid = await charge()
    const wrong = { requestId: '', reason: 'x'.repeat(141) }
    const fields = ['request_id', 'amount.minor_units', 'reason']
    const user: As = { user: 'shop' }
    await assertFails(refund({ name: 'x' }, 0n, { ...wrong, as: user }), {
      reason: 'PERMISSION_MISSING',
      code: 'PERMISSION_DENIED',
    })
    await assertFails(refund({ name: 'x' }, 0n, wrong), {
      reason: 'INVALID_FIELD',
      code: 'INVALID_ARGUMENT',
      fields: ['name'],
    })
    await assertFails(refund({ name: 'intents/0190a000-0000-7000-8000-00000000dead' }, 0n, wrong), {
      reason: 'INTENT_NOT_FOUND',
      code: 'NOT_FOUND',
    })
    await assertFails(refund(paid, 0n, { ...wrong, as: { ...merchant, user: 'eve' } }), {
      reason: 'NOT_OWNER',
      code: 'PERMISSION_DENIED',
    })
    await assertFails(refund(paid, 0n, wrong), { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields })
    const { message: back } = await refund(paid)
    await assertFails(refund(back, undefined, { as: support }), {
      reason: 'INTENT_NOT_REFUNDABLE',
      code: 'FAILED_PRECONDITION',
      metadata: { intent: back.name, state: 'SETTLED' },
    })
  })
})
