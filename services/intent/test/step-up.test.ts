// Payments by a rule set that demands more than a password, through the whole mesh.
import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { AuthLevel } from '../../../gen/paymesh/access/v1/access.js'
import {
  type CreateIntentRequest,
  IntentServiceService,
  PreviewIntentRequest,
} from '../../../gen/paymesh/intent/v1/intent_service.js'
import { IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { type RpcError } from '../../runtime/rpc-error.js'
import { TestMesh } from './mesh.js'
import { paymentRequest } from './payment-request.js'
import { type TestIntent } from './test-intent.js'
import { until } from './mesh-process.js'

const step_up = [
  { id: 'large', operation_types: ['P2P_TRANSFER'], assets: ['THB'], min_minor: '5000', level: 'DEVICE' },
  { id: 'huge', operation_types: ['P2P_TRANSFER'], assets: ['THB'], min_minor: '50000', level: 'PIN' },
]

describe('payments that need more than a password', () => {
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
    await mesh.publishRuleSet({ step_up })
    await until(async () => {
      const outcome = await pay(paymentRequest(ann, ben, 5_000n), 'pwd').then(() => 'made', reasonOf)
      return outcome === 'STEP_UP_REQUIRED'
    }, 'the rule set is in force')
  })
  after(() => mesh.stop())

  const pay = async (request: CreateIntentRequest, acr: string) => {
    const { message, headers } = await intent.call(IntentServiceService.createIntent, request, { user: 'ann', acr })
    return { intent: message.intent!, isReplay: headers.get('idempotent-replay').length > 0 }
  }
  const intentCount = async (): Promise<number> => {
    const { rows } = await mesh.pool.query<{ count: number }>('select count(*)::int as count from intents')
    return rows[0]!.count
  }
  const reasonOf = (error: RpcError) => error.reason
  const preview = async (minor: bigint, acr: string) => {
    const { intent: asked } = paymentRequest(ann, ben, minor)
    const request = PreviewIntentRequest.fromPartial({ intent: asked! })
    return (await intent.call(IntentServiceService.previewIntent, request, { user: 'ann', acr })).message
  }

  for (const [minor, acr, level] of [
    [5_000n, 'pwd', 'device'],
    [49_999n, 'pwd', 'device'],
    [50_000n, 'pwd', 'pin'],
    [50_000n, 'device', 'pin'],
  ] as const) {
    it(`refuse ${minor} with ${acr}, write nothing, and go on with the same request id and ${level}`, async () => {
      const before = await intentCount()
      const request = paymentRequest(ann, ben, minor)
      await assert.rejects(pay(request, acr), (error: RpcError) => {
        assert.deepEqual([error.code, error.reason], [status.PERMISSION_DENIED, 'STEP_UP_REQUIRED'])
        assert.deepEqual(error.metadata, { level })
        return true
      })
      assert.equal(await intentCount(), before)
      const made = await pay(request, level)
      assert.deepEqual([made.intent.state, made.isReplay], [IntentState.SETTLED, false])
      assert.equal(await intentCount(), before + 1)
      // What was made is answered to the weaker session, too.
      assert.deepEqual(await pay(request, acr), { intent: made.intent, isReplay: true })
    })
  }

  it('need nothing below the amount, and a PIN is enough where a device is', async () => {
    assert.equal((await pay(paymentRequest(ann, ben, 4_999n), 'pwd')).intent.state, IntentState.SETTLED)
    assert.equal((await pay(paymentRequest(ann, ben, 5_000n), 'pin')).intent.state, IntentState.SETTLED)
  })

  it('say in a preview what is needed and what is missing', async () => {
    const levels = async (minor: bigint, acr: string) => {
      const { decision, missingLevel } = await preview(minor, acr)
      return [decision!.requiredLevel, missingLevel]
    }
    assert.deepEqual(await levels(4_999n, 'pwd'), [AuthLevel.UNSPECIFIED, AuthLevel.UNSPECIFIED])
    assert.deepEqual(await levels(5_000n, 'pwd'), [AuthLevel.DEVICE, AuthLevel.DEVICE])
    assert.deepEqual(await levels(5_000n, 'device'), [AuthLevel.DEVICE, AuthLevel.UNSPECIFIED])
    assert.deepEqual(await levels(50_000n, 'device'), [AuthLevel.PIN, AuthLevel.PIN])
  })

  it('tell of a payment that would be refused anyway that it is, and not to step up', async () => {
    const request = paymentRequest(ann, ben, 5_000n)
    await pay(request, 'pin')
    const other = { ...paymentRequest(ann, ben, 6_000n), requestId: request.requestId }
    await assert.rejects(pay(other, 'pwd'), (error: RpcError) => error.reason === 'REQUEST_ID_REUSED')
  })

  it('keep the books', () => mesh.assertConserved())
})
