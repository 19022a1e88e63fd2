import assert from 'node:assert/strict'
import { IntentServiceService, type PreviewIntentRequest } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { assertFails } from '../test/assert-fails.js'
import { TestMesh } from '../test/mesh.js'
import { paymentRequest } from '../test/payment-request.js'
import { type As } from '../test/raw-client.js'
import { type TestIntent } from '../test/test-intent.js'
import { sharedIntent, sharedMesh } from '../test/shared-mesh.js'

describe('PreviewIntent', () => {
  let mesh: TestMesh
  let intent: TestIntent
  let ann: Wallet
  let ben: Wallet

  before(async function () {
    this.timeout(60_000)
    mesh = await sharedMesh()
    intent = await sharedIntent()
    ann = await intent.wallet('preview-ann', 20_200n)
    ben = await intent.wallet('preview-ben')
  })

  async function preview(request: PreviewIntentRequest, as: As = { user: 'preview-ann' }) {
    return (await intent.call(IntentServiceService.previewIntent, request, as)).message
  }

  it('says the numbers that the payment then has, and does nothing', async () => {
    const before = (await mesh.intents()).length
    const request = paymentRequest(ann, ben, 10_000n)
    const seen = await preview({ intent: request.intent })
    assert.equal((await mesh.intents()).length, before)
    assert.equal(seen.covered, true)
    const { message: made } = await intent.pay('preview-ann', request)
    assert.deepEqual(
      [seen.payerTotal, seen.payeeTotal, seen.decision?.fees, seen.decision?.channel],
      [made.payerTotal, made.payeeTotal, made.decision?.fees, made.decision?.channel],
    )
  })

  it('says whether the balance covers the fees, too', async () => {
    const available = await intent.available(ann.name)
    const exactly = await preview({ intent: paymentRequest(ann, ben, available - 100n).intent })
    assert.deepEqual([exactly.payerTotal?.minorUnits, exactly.covered], [available, true])
    const tooMuch = await preview({ intent: paymentRequest(ann, ben, available - 99n).intent })
    assert.equal(tooMuch.covered, false)
  })

  it('fails in the order of CreateIntent, and where Rules refuses', async () => {
    const good = paymentRequest(ann, ben, 10_000n).intent!
    const dollars = { assetCode: 'USD', minorUnits: 1n }
    const wrong = { ...good, amount: dollars, operationType: 'NO_SUCH' }
    await assertFails(preview({ intent: wrong }, { user: 'preview-eve' }), {
      reason: 'NOT_OWNER',
      code: 'PERMISSION_DENIED',
    })
    await assertFails(preview({ intent: wrong }), {
      reason: 'INVALID_FIELD',
      code: 'INVALID_ARGUMENT',
      fields: ['intent.operation_type'],
    })
    await assertFails(preview({ intent: undefined }), {
      reason: 'INVALID_FIELD',
      code: 'INVALID_ARGUMENT',
      fields: ['intent', 'intent.operation_type', 'intent.payer', 'intent.payee', 'intent.amount'],
    })
    await assertFails(preview({ intent: { ...good, amount: dollars } }), {
      reason: 'ASSET_MISMATCH',
      code: 'FAILED_PRECONDITION',
    })
    await assertFails(preview({ intent: { ...good, amount: { assetCode: 'THB', minorUnits: 2n ** 63n - 1n } } }), {
      reason: 'INVALID_FIELD',
      code: 'INVALID_ARGUMENT',
      fields: ['intent.amount.minor_units'],
    })
    const [from, to] = [await intent.wallet('preview-ann', 0n, 'PTS'), await intent.wallet('preview-ben', 0n, 'PTS')]
    await assertFails(preview({ intent: paymentRequest(from, to, 20n).intent }), {
      reason: 'REFUSED_BY_RULES',
      code: 'FAILED_PRECONDITION',
      metadata: { refusal: 'FEE_EXCEEDS_AMOUNT' },
    })
  })

  it('answers without `covered` while the Ledger is away', async () => {
    const own = await TestMesh.start()
    const other = await own.startIntent()
    const [payer, payee] = [await other.wallet('ann'), await other.wallet('ben')]
    await own.ledger.kill()
    const { intent: order } = paymentRequest(payer, payee, 10_000n)
    const { message } = await other.call(IntentServiceService.previewIntent, { intent: order }, { user: 'ann' })
    assert.equal(message.covered, undefined)
    assert.equal(message.payerTotal?.minorUnits, 10_100n)
    await own.stop()
  }).timeout(60_000)
})
