import assert from 'node:assert/strict'
import { IntentServiceService } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Intent, IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { FeePhase } from '../../../gen/paymesh/rules/v1/decision.js'
import { assertFails } from '../test/assert-fails.js'
import { paymentRequest } from '../test/payment-request.js'
import { type As, operator } from '../test/raw-client.js'
import { type TestIntent } from '../test/test-intent.js'
import { sharedIntent } from '../test/shared-mesh.js'

describe('GetIntent', () => {
  let intent: TestIntent
  let wallets: [Wallet, Wallet]
  let payment: Intent
  let funding: Intent

  before(async function () {
    this.timeout(60_000)
    intent = await sharedIntent()
    wallets = [await intent.wallet('get-ann'), await intent.wallet('get-ben')]
    const [ann, ben] = wallets
    funding = await intent.fund(ann.name, 50_000n)
    payment = (await intent.pay('get-ann', paymentRequest(ann, ben, 10_000n))).message
  })

  async function get(name: string, as: As): Promise<Intent | undefined> {
    return (await intent.call(IntentServiceService.getIntent, { name }, as)).message.intent
  }

  it('answers payer and operators alike', async () => {
    for (const as of [{ user: 'get-ann' }, operator]) assert.deepEqual(await get(payment.name, as), payment)
  })

  it('shows who was paid nothing of what the payer bore', async () => {
    const seen = await get(payment.name, { user: 'get-ben' })
    const fees = payment.decision!.fees.filter(({ phase }) => phase === FeePhase.POST)
    assert.ok(fees.length < payment.decision!.fees.length)
    assert.deepEqual(seen, { ...payment, payerTotal: undefined, decision: { ...payment.decision!, fees } })
  })

  it('shows who would have been paid no payment that was rejected', async () => {
    const ben: As = { user: 'get-ben' }
    const rejected = (await intent.pay('get-ann', paymentRequest(...wallets, 9_000_000n))).message
    assert.equal(rejected.state, IntentState.REJECTED)
    assert.deepEqual(await get(rejected.name, { user: 'get-ann' }), rejected)
    await assertFails(get(rejected.name, ben), { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' })
  })

  it('answers the owner of a wallet with its funding', async () => {
    assert.deepEqual(await get(funding.name, { user: 'get-ann' }), { ...funding, payerTotal: undefined })
    assert.equal(funding.creator, 'peers/operator')
    assert.deepEqual(funding.payer?.party, { $case: 'account', account: 'accounts/settlement.THB' })
  })

  it('fails, in this order', async () => {
    const unknown = 'intents/0190a000-0000-7000-8000-00000000dead'
    await assertFails(get('intents/x', { anonymous: true }), { reason: 'NOT_SIGNED_IN', code: 'UNAUTHENTICATED' })
    await assertFails(get('intents/x', { user: 'get-ann', permissions: [] }), {
      reason: 'PERMISSION_MISSING',
      code: 'PERMISSION_DENIED',
    })
    for (const name of ['', 'intents/x', 'wallets/0190a000-0000-7000-8000-00000000dead', `${payment.name} `]) {
      await assertFails(get(name, { user: 'get-ann' }), {
        reason: 'INVALID_FIELD',
        code: 'INVALID_ARGUMENT',
        fields: ['name'],
      })
    }
    await assertFails(get(unknown, { user: 'get-ann' }), {
      reason: 'INTENT_NOT_FOUND',
      code: 'NOT_FOUND',
      metadata: { intent: unknown },
    })
    await assertFails(get(payment.name, { user: 'get-eve' }), { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' })
    await assertFails(get(funding.name, { user: 'get-ben' }), { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' })
  })
})
