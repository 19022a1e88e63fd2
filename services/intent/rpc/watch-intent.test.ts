import assert from 'node:assert/strict'
import {
  ClosingReason,
  IntentServiceService,
  type WatchIntentResponse,
} from '../../../gen/paymesh/intent/v1/intent_service.js'
import { IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { freePort } from '../../../dev/testing.js'
import { assertFails } from '../test/assert-fails.js'
import { TestMesh } from '../test/mesh.js'
import { paymentRequest } from '../test/payment-request.js'
import { type As, operator } from '../test/raw-client.js'
import { type TestIntent } from '../test/test-intent.js'
import { until } from '../test/mesh-process.js'

describe('WatchIntent', () => {
  const ann: As = { user: 'ann' }
  const watch = { heartbeatMs: 15_000, openMsMax: 60_000 }
  const limits = { paymentsMax: 100, watchersMax: 3, watch }
  let mesh: TestMesh
  let intent: TestIntent
  let purse: Wallet
  let shop: Wallet

  before(async function () {
    this.timeout(60_000)
    mesh = await TestMesh.start()
    intent = await mesh.startIntent({ limits })
    purse = await intent.wallet('ann', 1_000_000n)
    shop = await intent.wallet('ben')
  })
  after(() => mesh.stop())

  function open(name: string, as: As = ann, at = intent): AsyncIterator<WatchIntentResponse> {
    return at.stream(IntentServiceService.watchIntent, { name }, as)[Symbol.asyncIterator]()
  }

  async function next(messages: AsyncIterator<WatchIntentResponse>): Promise<string> {
    const result = await messages.next()
    if (result.done === true) return 'end'
    const { event } = result.value
    switch (event?.$case) {
      case 'intent':
        return nameOf(IntentState, event.intent.state)
      case 'heartbeat':
        return 'heartbeat'
      case 'closing':
        return nameOf(ClosingReason, event.closing.reason)
      case undefined:
        return 'nothing'
    }
  }

  function nameOf(names: Record<string, number>, value: number): string {
    return Object.keys(names).find((name) => names[name] === value) ?? '?'
  }

  /** An intent that waits for the Ledger, which is gone until `mesh.ledger.start()`. */
  async function waiting(): Promise<string> {
    await mesh.ledger.kill()
    const request = paymentRequest(purse, shop, 10_000n)
    await assert.rejects(intent.pay('ann', request))
    const made = (await mesh.intents()).find(({ requestId }) => requestId === request.requestId)
    return `intents/${made!.id}`
  }

  it('fails, in this order', async () => {
    const { message } = await intent.pay('ann', paymentRequest(purse, shop, 10_000n))
    const unknown = 'intents/0190a000-0000-7000-8000-00000000dead'
    const fails = (name: string, as: As) => open(name, as).next()
    await assertFails(fails('x', { anonymous: true }), { reason: 'NOT_SIGNED_IN', code: 'UNAUTHENTICATED' })
    await assertFails(fails('x', ann), { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields: ['name'] })
    await assertFails(fails(unknown, ann), { reason: 'INTENT_NOT_FOUND', code: 'NOT_FOUND' })
    await assertFails(fails(message.name, { user: 'eve' }), { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' })
  })

  it('of a final intent shows it and closes', async () => {
    const { message } = await intent.pay('ann', paymentRequest(purse, shop, 10_000n))
    for (const as of [ann, { user: 'ben' }, operator]) {
      const messages = open(message.name, as)
      assert.deepEqual(
        [await next(messages), await next(messages), await next(messages)],
        ['SETTLED', 'FINAL_STATE', 'end'],
      )
    }
  })

  it('shows the change when it comes, to everyone who watches, of any replica', async () => {
    const other = await mesh.startIntent()
    const name = await waiting()
    const notYetPaid = { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' } as const
    await assertFails(open(name, { user: 'ben' }).next(), notYetPaid)
    const watches = [open(name), open(name), open(name, operator, other)]
    for (const messages of watches) assert.equal(await next(messages), 'VALIDATED')
    await mesh.ledger.start()
    for (const messages of watches) {
      assert.deepEqual(
        [await next(messages), await next(messages), await next(messages)],
        ['SETTLED', 'FINAL_STATE', 'end'],
      )
    }
    await other.stop()
  }).timeout(60_000)

  it('shows the change also without Valkey', async () => {
    const deaf = await mesh.startIntent({ valkeyUrl: `redis://localhost:${await freePort()}` })
    const name = await waiting()
    const messages = open(name, ann, deaf)
    assert.equal(await next(messages), 'VALIDATED')
    await mesh.ledger.start()
    assert.deepEqual([await next(messages), await next(messages)], ['SETTLED', 'FINAL_STATE'])
    await deaf.stop()
  }).timeout(60_000)

  it('gives signs of life, and closes after its time', async () => {
    const brief = await mesh.startIntent({ limits: { ...limits, watch: { heartbeatMs: 50, openMsMax: 120 } } })
    const name = await waiting()
    const messages = open(name, ann, brief)
    assert.equal(await next(messages), 'VALIDATED')
    const seen = [await next(messages)]
    while (seen.at(-1) === 'heartbeat') seen.push(await next(messages))
    assert.ok(seen.length >= 2, `${seen.length - 1} heartbeats`)
    assert.equal(seen.at(-1), 'TIME_LIMIT')
    await brief.stop()
    await mesh.ledger.start()
  }).timeout(60_000)

  it('closes when the server drains', async () => {
    const draining = await mesh.startIntent()
    const name = await waiting()
    const messages = open(name, ann, draining)
    assert.equal(await next(messages), 'VALIDATED')
    const stopped = draining.drain()
    assert.deepEqual([await next(messages), await next(messages)], ['SERVER_DRAINING', 'end'])
    await stopped
    await mesh.ledger.start()
  }).timeout(60_000)

  it('is turned away when too many watch, and has its place back when one ends', async () => {
    const name = await waiting()
    const watches = [open(name), open(name), open(name)]
    for (const messages of watches) assert.equal(await next(messages), 'VALIDATED')
    await assertFails(open(name).next(), { reason: 'OVERLOADED', code: 'RESOURCE_EXHAUSTED' })
    await watches[0]?.return?.()
    await until(async () => {
      const messages = open(name)
      const got = await next(messages).catch(() => 'OVERLOADED')
      await messages.return?.()
      return got === 'VALIDATED'
    }, 'a place is free')
    for (const messages of watches) await messages.return?.()
    await mesh.ledger.start()
  }).timeout(60_000)
})
