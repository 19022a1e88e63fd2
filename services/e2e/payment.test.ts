import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type Person, errorInfo, intentShape, newPerson, payment } from './api.js'
import { assertBooksBalance } from './books.js'
import { theMesh } from './mesh-under-test.js'
import { z } from 'zod'

describe('a payment through the edge', () => {
  let alice: Person
  let bob: Person

  before(async () => {
    const mesh = await theMesh()
    alice = await newPerson(mesh.api)
    bob = await newPerson(mesh.api)
    const funding = await mesh.operator.fund(alice.wallet, 1_000_00n)
    assert.equal(funding.state, 'INTENT_STATE_SETTLED')
  })

  afterEach(async () => {
    await assertBooksBalance(await theMesh())
  })

  it('debits the payer amount and PRE fees, credits the payee the amount less POST fees', async () => {
    const intent = await alice.api.pay(alice.wallet, bob.wallet, 150_25n)

    assert.equal(intent.state, 'INTENT_STATE_SETTLED')
    const fee = (phase: string): bigint =>
      intent.decision!.fees.filter((f) => f.phase === phase).reduce((sum, { amount }) => sum + amount.minorUnits, 0n)
    assert.ok(fee('FEE_PHASE_PRE') > 0n && fee('FEE_PHASE_POST') > 0n)
    assert.equal(intent.payerTotal!.minorUnits, 150_25n + fee('FEE_PHASE_PRE'))
    assert.equal(intent.payeeTotal!.minorUnits, 150_25n - fee('FEE_PHASE_POST'))
    const [payer, payee] = await Promise.all([alice.api.wallet(alice.wallet), bob.api.wallet(bob.wallet)])
    assert.equal(payer.available.minorUnits, 1_000_00n - intent.payerTotal!.minorUnits)
    assert.equal(payee.available.minorUnits, intent.payeeTotal!.minorUnits)
    assert.deepEqual(
      intent.stateChanges.map(({ state }) => state),
      ['CREATED', 'VALIDATED', 'AUTHORIZED', 'SETTLED'].map((state) => `INTENT_STATE_${state}`),
    )
  })

  it('costs what its preview said', async () => {
    const { intent } = payment(alice.wallet, bob.wallet, 77_77n)
    const preview = await alice.api.send('POST', '/v1/intents:preview', { intent })
    assert.equal(preview.status, 200)
    const paid = await alice.api.pay(alice.wallet, bob.wallet, 77_77n)
    const shape = intentShape.pick({ payerTotal: true, payeeTotal: true }).extend({ covered: z.boolean() })
    const { payerTotal, payeeTotal, covered } = shape.parse(preview.body)
    assert.deepEqual(
      { payerTotal, payeeTotal, covered },
      { payerTotal: paid.payerTotal, payeeTotal: paid.payeeTotal, covered: true },
    )
  })

  it('sent fifty times at once moves the money once and gives fifty equal answers', async () => {
    const before = await alice.api.wallet(alice.wallet)
    const requestId = randomUUID()
    const answers = await Promise.all(
      Array.from({ length: 50 }, () =>
        alice.api.send('POST', '/v1/intents', payment(alice.wallet, bob.wallet, 10_00n, requestId)),
      ),
    )
    const bodies = new Set(answers.map(({ status, body }) => JSON.stringify({ status, body })))
    assert.equal(bodies.size, 1, [...bodies].join('\n'))
    assert.equal(answers.filter(({ headers }) => headers.get('idempotent-replay') === 'true').length, 49)
    const { intent } = z.object({ intent: intentShape }).parse(answers[0]!.body)
    assert.equal(intent.state, 'INTENT_STATE_SETTLED')
    const after = await alice.api.wallet(alice.wallet)
    assert.equal(before.available.minorUnits - after.available.minorUnits, intent.payerTotal!.minorUnits)
  })

  it('with another body under the same request id is ALREADY_EXISTS and moves nothing', async () => {
    const requestId = randomUUID()
    await alice.api.pay(alice.wallet, bob.wallet, 1_00n, requestId)
    const before = await alice.api.wallet(alice.wallet)
    const answer = await alice.api.send('POST', '/v1/intents', payment(alice.wallet, bob.wallet, 2_00n, requestId))
    assert.equal(answer.status, 409)
    assert.equal(errorInfo(answer).reason, 'REQUEST_ID_REUSED')
    assert.deepEqual((await alice.api.wallet(alice.wallet)).available, before.available)
  })

  it('beyond the balance is REJECTED, moves nothing, and stays rejected', async () => {
    const requestId = randomUUID()
    const before = await bob.api.wallet(bob.wallet)
    const first = await alice.api.pay(alice.wallet, bob.wallet, 9_999_00n, requestId)
    assert.equal(first.state, 'INTENT_STATE_REJECTED')
    assert.equal(first.failure?.reason, 'INSUFFICIENT_FUNDS')
    const mesh = await theMesh()
    await mesh.operator.fund(alice.wallet, 20_000_00n)
    assert.deepEqual(await alice.api.pay(alice.wallet, bob.wallet, 9_999_00n, requestId), first)
    assert.deepEqual((await bob.api.wallet(bob.wallet)).available, before.available)
  })

  it('is seen by both sides, and by nobody else', async () => {
    const carol = await newPerson((await theMesh()).api)
    const intent = await alice.api.pay(alice.wallet, bob.wallet, 3_00n)
    assert.equal((await bob.api.intent(intent.name)).state, 'INTENT_STATE_SETTLED')
    const answer = await carol.api.send('GET', `/v1/${intent.name}`)
    assert.equal(answer.status, 403)
    assert.equal(errorInfo(answer).reason, 'NOT_OWNER')
  })

  it('is watched to its end as Server-Sent Events', async () => {
    const intent = await alice.api.pay(alice.wallet, bob.wallet, 4_00n)
    const response = await fetch(`${alice.api.url}/v1/${intent.name}:watch`, {
      headers: { authorization: `Bearer ${alice.api.token}` },
      signal: AbortSignal.timeout(10_000),
    })
    assert.equal(response.headers.get('content-type'), 'text/event-stream')
    const events = (await response.text()).split('\n\n').filter((event) => event !== '')
    assert.equal(events.length, 2)
    assert.match(events[0]!, /^data: \{"intent":.*INTENT_STATE_SETTLED/)
    assert.match(events[1]!, /^data: \{"closing":\{"reason":"CLOSING_REASON_FINAL_STATE"\}\}$/)
  })

  it('that is held is confirmed in part by who is paid, and the rest returns', async () => {
    const before = await alice.api.wallet(alice.wallet)
    const charge = payment(alice.wallet, bob.wallet, 100_00n)
    const terms = { operationType: 'MERCHANT_CHARGE', captureMode: 'CAPTURE_MODE_MANUAL', holdDuration: '3600s' }
    const body = { ...charge, intent: { ...charge.intent, ...terms } }
    const held = await alice.api.ok('POST', '/v1/intents', body, 'intent', intentShape)
    assert.equal(held.state, 'INTENT_STATE_AUTHORIZED')
    assert.equal((await alice.api.wallet(alice.wallet)).held.minorUnits, 100_00n)
    const confirm = { requestId: randomUUID(), amount: { assetCode: 'THB', minorUnits: '4000' } }
    const path = `/v1/${held.name}:confirm`
    const settled = await bob.api.ok('POST', path, confirm, 'intent', intentShape)
    assert.equal(settled.state, 'INTENT_STATE_SETTLED')
    assert.equal(settled.payeeTotal?.minorUnits, 40_00n - 1_00n)
    assert.deepEqual(await bob.api.ok('POST', path, confirm, 'intent', intentShape), settled)
    const after = await alice.api.wallet(alice.wallet)
    assert.equal(before.available.minorUnits - after.available.minorUnits, 40_00n)
  })

  it('that is held is cancelled by who pays', async () => {
    const transfer = payment(alice.wallet, bob.wallet, 10_00n)
    const body = { ...transfer, intent: { ...transfer.intent, captureMode: 'CAPTURE_MODE_MANUAL' } }
    const held = await alice.api.ok('POST', '/v1/intents', body, 'intent', intentShape)
    const path = `/v1/${held.name}:cancel`
    const cancelled = await alice.api.ok('POST', path, { requestId: randomUUID() }, 'intent', intentShape)
    assert.equal(cancelled.state, 'INTENT_STATE_CANCELLED')
  })

  it('is given back by a merchant, and found by an operator', async () => {
    const { admin, operator, api } = await theMesh()
    const shop = await newPerson(api)
    const paid = await alice.api.pay(alice.wallet, shop.wallet, 20_00n)
    await admin.ok('POST', '/v1/admin/grants', { user: shop.name, role: 'merchant' }, 'grant', z.looseObject({}))
    const merchant = await shop.signInAgain()
    const amount = { assetCode: 'THB', minorUnits: '1500' }
    const body = { requestId: randomUUID(), amount, reason: 'too much' }
    const refund = await merchant.ok('POST', `/v1/${paid.name}:refund`, body, 'intent', intentShape)
    assert.equal(refund.state, 'INTENT_STATE_SETTLED')
    assert.equal(refund.operationType, 'REFUND')
    const found = await operator.send('GET', `/v1/admin/intents?parent=${paid.name}`)
    const { intents } = z.object({ intents: z.array(intentShape) }).parse(found.body)
    assert.deepEqual(
      intents.map(({ name }) => name),
      [refund.name],
    )
  })

  it('is listed newest first, page by page, each once', async () => {
    const dave = await newPerson((await theMesh()).api)
    const paid: string[] = []
    for (let units = 1n; units <= 5n; units++)
      paid.push((await alice.api.pay(alice.wallet, dave.wallet, units * 100n)).name)
    const page = z.object({ intents: z.array(intentShape), nextPageToken: z.string().default('') })
    const listed: string[] = []
    let token = ''
    do {
      const answer = await dave.api.send('GET', `/v1/intents?pageSize=2&pageToken=${encodeURIComponent(token)}`)
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
      const { intents, nextPageToken } = page.parse(answer.body)
      listed.push(...intents.map(({ name }) => name))
      token = nextPageToken
    } while (token !== '')
    assert.deepEqual(listed, paid.reverse())
  })
})
