// Signals from payment to payment, through the whole mesh.
import assert from 'node:assert/strict'
import { Redis } from 'ioredis'
import { IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { IntentServiceService } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { RpcError } from '../../runtime/rpc-error.js'
import { TestMesh } from './mesh.js'
import { paymentRequest } from './payment-request.js'
import { type TestIntent } from './test-intent.js'
import { until } from './mesh-process.js'
import { ValkeyProxy } from '../../runtime/test/valkey-proxy.js'

const rule = (id: string, action: string, condition: string) => {
  return { id, operation_types: ['P2P_TRANSFER'], reason: id.toUpperCase(), action, condition }
}

describe('payments by rules that read signals', () => {
  let mesh: TestMesh
  let proxy: ValkeyProxy
  let valkey: Redis
  let intent: TestIntent
  let ann: Wallet
  let ben: Wallet

  before(async function () {
    this.timeout(60_000)
    mesh = await TestMesh.start()
    await mesh.publishRuleSet({
      risk: {
        rules: [
          rule('fast', 'DENY', 'has(signals.payments_last_hour) && signals.payments_last_hour >= 2'),
          rule('unmeasured', 'REVIEW', '!has(signals.payments_last_hour)'),
        ],
      },
    })
    proxy = await ValkeyProxy.start(mesh.valkeyUrl)
    valkey = new Redis(mesh.valkeyUrl)
    // A busy machine must not look like a Valkey that hangs.
    intent = await mesh.startIntent({ valkeyUrl: proxy.url, limits: { signalsMsMax: 10_000 } })
    ann = await intent.wallet('ann', 1_000_000n)
    ben = await intent.wallet('ben')
  })
  beforeEach(() => valkey.flushdb())
  after(async () => {
    valkey.disconnect()
    await mesh.stop()
    await proxy.stop()
  })

  /** What becomes of a payment of 1.00. */
  async function pay(): Promise<string> {
    const { message } = await intent.pay('ann', paymentRequest(ann, ben, 100n))
    return message.failure?.reason ?? (message.state === IntentState.SETTLED ? 'SETTLED' : 'IN_REVIEW')
  }

  /** What a preview says. */
  async function preview(): Promise<string> {
    const request = { intent: paymentRequest(ann, ben, 100n).intent }
    try {
      const { message } = await intent.call(IntentServiceService.previewIntent, request, { user: 'ann' })
      return message.decision?.risk === undefined ? 'ALLOWED' : message.decision.risk.reasons.join()
    } catch (error) {
      if (error instanceof RpcError && error.reason === 'REFUSED_BY_RULES') return error.metadata['refusal'] ?? ''
      throw error
    }
  }

  /** As if everything was remembered since long ago, nothing so far. */
  async function remembersAll(): Promise<void> {
    const run = /^run_id:(\w+)/m.exec(await valkey.info('server'))?.[1] ?? ''
    const evicted = /^evicted_keys:(\d+)/m.exec(await valkey.info('stats'))?.[1] ?? ''
    await valkey.hset('signals', { run, evicted, since: '0' })
  }

  const remembered = (count: number) =>
    until(async () => (await valkey.zcard(`signals.payments.THB.users/ann`)) === count, `${count} are remembered`)

  it('are decided by what the payer did before, and previewed alike', async () => {
    await remembersAll()
    for (const count of [1, 2]) {
      assert.equal(await preview(), 'ALLOWED')
      assert.equal(await pay(), 'SETTLED')
      await remembered(count)
    }
    assert.equal(await preview(), 'RISK_DENIED')
    assert.equal(await pay(), 'RISK_DENIED')
    // A refused payment is none.
    await remembered(2)
    const others = paymentRequest(await intent.wallet('eve', 1_000n), ben, 100n)
    assert.equal((await intent.pay('eve', others)).message.state, IntentState.SETTLED)
  })

  it('are decided as the rules say of what is not known, when everything was forgotten', async () => {
    await remembersAll()
    assert.equal(await preview(), 'ALLOWED')
    await valkey.flushdb()
    assert.equal(await preview(), 'UNMEASURED')
    assert.equal(await pay(), 'IN_REVIEW')
  })

  it('are decided while Valkey hangs and while it is gone', async () => {
    await remembersAll()
    intent = await mesh.startIntent({ valkeyUrl: proxy.url })
    for (const harm of ['freeze', 'cut'] as const) {
      await until(async () => (await preview()) === 'ALLOWED', 'signals are told', 15_000)
      proxy[harm]()
      for (let count = 0; count < 6; count++) assert.equal(await pay(), 'IN_REVIEW')
      proxy.mend()
    }
    await until(async () => (await preview()) === 'ALLOWED', 'signals are told again', 15_000)
  }).timeout(40_000)

  it('need no signals any more when a version comes that reads none', async () => {
    await valkey.flushdb()
    assert.equal(await preview(), 'UNMEASURED')
    await mesh.publishRuleSet({ risk: { rules: [] } })
    await until(async () => (await pay()) === 'SETTLED', 'the version is in force')
    await mesh.assertConserved()
  })
})
