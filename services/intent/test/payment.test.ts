import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { IntentServiceService } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { assertFails } from './assert-fails.js'
import { TestMesh } from './mesh.js'
import { paymentRequest } from './payment-request.js'
import { type TestIntent } from './test-intent.js'

describe('a payment', () => {
  let mesh: TestMesh
  let intent: TestIntent
  let ann: Wallet
  let ben: Wallet

  before(async function () {
    this.timeout(60_000)
    mesh = await TestMesh.start()
    intent = await mesh.startIntent()
    ann = await intent.wallet('ann', 10_000_000n)
    ben = await intent.wallet('ben')
  })
  afterEach(() => mesh.assertConserved())
  after(() => mesh.stop())

  it('moves amount and fees, and tells of every step', async () => {
    const { message } = await intent.pay('ann', paymentRequest(ann, ben, 15_025n, { metadata: { note: 'lunch' } }))
    assert.equal(message.state, IntentState.SETTLED)
    assert.deepEqual(
      message.stateChanges.map(({ state }) => state),
      [IntentState.CREATED, IntentState.VALIDATED, IntentState.AUTHORIZED, IntentState.SETTLED],
    )
    assert.equal(message.payerTotal?.minorUnits, 15_125n)
    assert.equal(message.payeeTotal?.minorUnits, 14_975n)
    assert.equal(message.creator, 'users/ann')
    assert.deepEqual(message.metadata, { note: 'lunch' })
    assert.deepEqual(await intent.intent(message.name), message, 'the answer is what is stored')
    assert.equal(await intent.available(ann.name), 10_000_000n - 15_125n)
    assert.equal(await intent.available(ben.name), 14_975n)
  })

  it('that the payer cannot cover is REJECTED and moves nothing', async () => {
    const request = paymentRequest(ann, ben, 1_000_000_000n)
    const { message } = await intent.pay('ann', request)
    assert.equal(message.state, IntentState.REJECTED)
    assert.equal(message.failure?.reason, 'INSUFFICIENT_FUNDS')
    assert.deepEqual(
      message.stateChanges.map(({ state }) => state),
      [IntentState.CREATED, IntentState.VALIDATED, IntentState.REJECTED],
    )
    await intent.fund(ann.name, 2_000_000_000n)
    const { message: again, headers } = await intent.pay('ann', request)
    assert.deepEqual(again, message, 'a rejection holds, also when there is money later')
    assert.deepEqual(headers.get('idempotent-replay'), ['true'])
  })

  it('that Rules refuses is REJECTED at once', async () => {
    const [payer, payee] = [await intent.wallet('ann', 500n, 'PTS'), await intent.wallet('ben', 0n, 'PTS')]
    const { message } = await intent.pay('ann', paymentRequest(payer, payee, 20n))
    assert.deepEqual(
      message.stateChanges.map(({ state }) => state),
      [IntentState.CREATED, IntentState.REJECTED],
    )
    assert.equal(message.state, IntentState.REJECTED)
    assert.equal(message.failure?.reason, 'FEE_EXCEEDS_AMOUNT')
    assert.equal(await intent.available(payer.name), 500n)
  })

  it('asked for 50 times at once, of two replicas, happens once and is answered 50 times alike', async () => {
    const other = await mesh.startIntent()
    const [payer, payee] = [await intent.wallet('ann', 100_000n), await intent.wallet('ben')]
    const request = paymentRequest(payer, payee, 10_000n)
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? intent : other).pay('ann', request)),
    )
    for (const { message } of answers) assert.deepEqual(message, answers[0]!.message)
    assert.equal(answers[0]!.message.state, IntentState.SETTLED)
    const replays = answers.filter(({ headers }) => headers.get('idempotent-replay').length > 0)
    assert.equal(replays.length, 49)
    assert.equal(await intent.available(payer.name), 100_000n - 10_100n)
    assert.equal(await intent.available(payee.name), 9_950n)
  })

  it('under a request id that stands for another is refused', async () => {
    const request = paymentRequest(ann, ben, 10_000n)
    await intent.pay('ann', request)
    const reused = { reason: 'REQUEST_ID_REUSED', code: 'ALREADY_EXISTS' } as const
    for (const other of [
      paymentRequest(ann, ben, 10_001n, request),
      paymentRequest(ann, ben, 10_000n, { ...request, metadata: { note: 'x' } }),
      paymentRequest(ann, await intent.wallet('ben'), 10_000n, request),
    ]) {
      await assertFails(intent.pay('ann', other), { ...reused, metadata: { request_id: request.requestId } })
    }
  })

  it("does not meet another caller's request id", async () => {
    const requestId = randomUUID()
    await intent.fund(ben.name, 50_000n)
    const { message: first } = await intent.pay('ann', paymentRequest(ann, ben, 10_000n, { requestId }))
    const { message: second } = await intent.pay('ben', paymentRequest(ben, ann, 10_000n, { requestId }))
    assert.notEqual(second.name, first.name)
  })

  it('many at once from one wallet spend what is there and no more', async () => {
    const [payer, payee] = [await intent.wallet('ann', 101_000n), await intent.wallet('ben')]
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => intent.pay('ann', paymentRequest(payer, payee, 10_000n))),
    )
    const settled = answers.filter(({ message }) => message.state === IntentState.SETTLED)
    assert.equal(settled.length, 10)
    assert.equal(await intent.available(payer.name), 0n)
  })

  it('is found by both sides, and by nobody else', async () => {
    const { message } = await intent.pay('ann', paymentRequest(ann, ben, 10_000n))
    const get = (user: string) => intent.call(IntentServiceService.getIntent, { name: message.name }, { user })
    assert.deepEqual((await get('ann')).message.intent, message)
    assert.equal((await get('ben')).message.intent?.name, message.name)
    await assertFails(get('eve'), { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' })
  })
})
