import assert from 'node:assert/strict'
import { type Intent, IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { type CreateIntentRequest } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { freePort } from '../../../dev/testing.js'
import { type CrashPoint, crashPoints } from '../crash-points.js'
import { isFinal } from '../intents/intent.js'
import { assertFails } from './assert-fails.js'
import { TestMesh } from './mesh.js'
import { paymentRequest } from './payment-request.js'
import { type TestIntent } from './test-intent.js'
import { succeeds, until } from './mesh-process.js'
import { ToldEvents } from './told-events.js'

const unavailable = { reason: 'DEPENDENCY_UNAVAILABLE', code: 'UNAVAILABLE' } as const

describe('an interrupted payment', () => {
  let mesh: TestMesh
  let intent: TestIntent
  let told: ToldEvents
  let ann: Wallet
  let ben: Wallet

  before(async function () {
    this.timeout(60_000)
    mesh = await TestMesh.start()
    intent = await mesh.startIntent()
    told = new ToldEvents(mesh)
    ann = await intent.wallet('ann', 10_000_000n)
    ben = await intent.wallet('ben', 1_000_000n)
  })
  afterEach(async () => {
    await mesh.assertConserved()
    await told.assertOfEachMove()
  })
  after(async () => {
    told.close()
    await mesh.stop()
  })

  /** Every intent that was made by the request. */
  async function madeBy(request: CreateIntentRequest) {
    return (await mesh.intents()).filter(({ requestId }) => requestId === request.requestId)
  }

  async function allFinal(): Promise<boolean> {
    return (await mesh.intents()).every(isFinal)
  }

  /** An Intent that is cut off at the point, each time it comes there. */
  async function crashing(at: CrashPoint): Promise<TestIntent> {
    return await mesh.startIntent({
      crashPoint: (point) => {
        if (point === at) throw new Error(`crash ${at}`)
      },
    })
  }

  it('at any point comes to the one outcome that it would have had', async function () {
    this.timeout(60_000)
    // What is wished of holds has its own tests.
    const points = crashPoints.filter((point) => !point.endsWith('-wish'))
    const cases = points.map((at) => ({
      at,
      good: paymentRequest(ann, ben, 10_000n),
      poor: paymentRequest(ann, ben, 100_000_000_000n),
    }))
    for (const { at, good, poor } of cases) {
      const broken = await crashing(at)
      await Promise.allSettled([good, poor].map((request) => broken.pay('ann', request)))
      await broken.stop()
    }
    await until(allFinal, 'every intent is final')
    for (const { at, good, poor } of cases) {
      const [settled, rejected] = [await madeBy(good), await madeBy(poor)]
      assert.equal(settled.length, at === 'before-insert' ? 0 : 1, at)
      assert.equal(rejected.length, settled.length, at)
      const { message } = await intent.pay('ann', good)
      assert.equal(message.state, IntentState.SETTLED, at)
      const { message: other } = await intent.pay('ann', poor)
      assert.equal(other.failure?.reason, 'INSUFFICIENT_FUNDS', at)
      assert.equal((await madeBy(good)).length, 1, at)
    }
  })

  it('of a process that is killed is finished by the next one', async function () {
    this.timeout(60_000)
    const dead = await mesh.intentProcess()
    const request = paymentRequest(ann, ben, 10_000n)
    await dead.diesAt('after-ledger', (at) => at.pay('ann', request))
    await until(allFinal, 'every intent is final')
    const [made] = await madeBy(request)
    assert.equal(made?.status.state, 'SETTLED')
  })

  it('by a Ledger that is gone waits for it, and is answered UNAVAILABLE meanwhile', async function () {
    this.timeout(60_000)
    const request = paymentRequest(ann, ben, 10_000n)
    await mesh.ledger.kill()
    await assertFails(intent.pay('ann', request), { ...unavailable, metadata: { dependency: 'ledger' } })
    await assertFails(intent.pay('ann', request), { ...unavailable, metadata: { dependency: 'ledger' } })
    const [made] = await madeBy(request)
    assert.equal(made?.status.state, 'VALIDATED')
    await mesh.ledger.start()
    await until(allFinal, 'every intent is final', 20_000)
    const { message, headers } = await intent.pay('ann', request)
    assert.equal(message.state, IntentState.SETTLED)
    assert.deepEqual(headers.get('idempotent-replay'), ['true'])
  })

  it('by a Ledger that decides and is not heard is settled once', async function () {
    this.timeout(60_000)
    const request = paymentRequest(ann, ben, 10_000n)
    mesh.ledger.freeze()
    await assertFails(intent.pay('ann', request), { ...unavailable, metadata: { dependency: 'ledger' } })
    mesh.ledger.thaw()
    await until(allFinal, 'every intent is final', 20_000)
    const { message } = await intent.pay('ann', request)
    assert.equal(message.state, IntentState.SETTLED)
  })

  it('by Rules that are gone was not made; one that was made is still answered', async () => {
    const earlier = paymentRequest(ann, ben, 10_000n)
    const { message: made } = await intent.pay('ann', earlier)
    await mesh.rules.kill()
    const request = paymentRequest(ann, ben, 10_000n)
    await assertFails(intent.pay('ann', request), { ...unavailable, metadata: { dependency: 'rules' } })
    assert.deepEqual(await madeBy(request), [])
    const { message } = await intent.pay('ann', earlier)
    assert.deepEqual(message, made)
    await mesh.rules.start()
    await until(() => succeeds(intent.pay('ann', request)), 'Rules is back')
  })

  it('by nothing: without Valkey payments settle, and events leave later', async () => {
    const deaf = await mesh.startIntent({ valkeyUrl: `redis://localhost:${await freePort()}` })
    await intent.stop()
    const { message } = await deaf.pay('ann', paymentRequest(ann, ben, 10_000n))
    assert.equal(message.state, IntentState.SETTLED)
    const { rows } = await mesh.pool.query('select 1 from outbox')
    assert.equal(rows.length, 2, 'the insert and the update')
    intent = await mesh.startIntent()
    await deaf.stop()
  })

  it('by nothing: flushing Valkey loses no money', async () => {
    const payments: Promise<Intent>[] = []
    for (let round = 0; round < 5; round += 1) {
      const more = Array.from({ length: 10 }, () => intent.pay('ann', paymentRequest(ann, ben, 10_000n)))
      payments.push(...more.map((each) => each.then(({ message }) => message)))
      await told.flush()
    }
    for (const each of await Promise.all(payments)) assert.equal(each.state, IntentState.SETTLED)
    await mesh.assertConserved()
    await mesh.allTold()
    await told.tellAgain()
  })
})
