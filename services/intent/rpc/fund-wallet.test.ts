import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type Metadata } from '@grpc/grpc-js'
import { FundWalletRequest, WalletServiceService } from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Intent, IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { assertFails } from '../test/assert-fails.js'
import { type TestMesh } from '../test/mesh.js'
import { type As, operator } from '../test/raw-client.js'
import { type TestIntent } from '../test/test-intent.js'
import { sharedIntent, sharedMesh } from '../test/shared-mesh.js'

describe('FundWallet', () => {
  const teller: As = { user: 'fund-teller', permissions: ['funding:write'] }
  let mesh: TestMesh
  let intent: TestIntent
  let wallet: Wallet

  before(async function () {
    this.timeout(60_000)
    mesh = await sharedMesh()
    intent = await sharedIntent()
    wallet = await intent.wallet('fund-ann')
  })
  afterEach(() => mesh.assertConserved())

  async function fund(
    change: Partial<FundWalletRequest>,
    as: As = operator,
  ): Promise<{ message: Intent; headers: Metadata }> {
    const good = { name: wallet.name, requestId: randomUUID(), amount: { assetCode: 'THB', minorUnits: 500n } }
    const request = FundWalletRequest.fromPartial({ ...good, ...change })
    const { message, headers } = await intent.call(WalletServiceService.fundWallet, request, as)
    return { message: message.intent!, headers }
  }

  it('puts money into a wallet, against the settlement account, without fees', async () => {
    const { message } = await fund({ reference: 'SCB 0042' }, teller)
    assert.equal(message.state, IntentState.SETTLED)
    assert.equal(message.operationType, 'WALLET_FUNDING')
    assert.equal(message.creator, 'users/fund-teller')
    assert.deepEqual(message.payer?.party, { $case: 'account', account: 'accounts/settlement.THB' })
    assert.deepEqual(message.payee?.party, { $case: 'wallet', wallet: wallet.name })
    assert.deepEqual(message.metadata, { reference: 'SCB 0042' })
    assert.equal(message.payeeTotal?.minorUnits, 500n)
    assert.equal(await intent.available(wallet.name), 500n)
  })

  it('asked for 50 times at once happens once', async () => {
    const before = await intent.available(wallet.name)
    const requestId = randomUUID()
    const answers = await Promise.all(Array.from({ length: 50 }, () => fund({ requestId })))
    for (const { message } of answers) assert.deepEqual(message, answers[0]!.message)
    assert.equal(await intent.available(wallet.name), before + 500n)
  })

  it('refuses a request id that stands for another funding', async () => {
    const requestId = randomUUID()
    await fund({ requestId })
    const other = await intent.wallet('fund-ann')
    const dollars = { assetCode: 'USD', minorUnits: 500n }
    for (const change of [{ name: other.name }, { reference: 'x' }, { amount: dollars }]) {
      await assertFails(fund({ requestId, ...change }), {
        reason: 'REQUEST_ID_REUSED',
        code: 'ALREADY_EXISTS',
        metadata: { request_id: requestId },
      })
    }
  })

  it('fails, in this order', async () => {
    const wrong = { name: 'x', requestId: '', amount: undefined, reference: 'x'.repeat(141) }
    await assertFails(fund(wrong, { peer: 'connector' }), { reason: 'PEER_NOT_ALLOWED', code: 'PERMISSION_DENIED' })
    await assertFails(fund(wrong, { user: 'fund-ann' }), { reason: 'PERMISSION_MISSING', code: 'PERMISSION_DENIED' })
    await assertFails(fund(wrong), {
      reason: 'INVALID_FIELD',
      code: 'INVALID_ARGUMENT',
      fields: ['name', 'request_id', 'amount', 'reference'],
    })
    for (const minorUnits of [0n, -1n, -(2n ** 63n)]) {
      await assertFails(fund({ amount: { assetCode: 'THB', minorUnits } }), {
        reason: 'INVALID_FIELD',
        code: 'INVALID_ARGUMENT',
        fields: ['amount.minor_units'],
      })
    }
    const unknown = 'wallets/0190a000-0000-7000-8000-00000000dead'
    const dollars = { assetCode: 'USD', minorUnits: 1n }
    await assertFails(fund({ name: unknown, amount: dollars }), {
      reason: 'WALLET_NOT_FOUND',
      code: 'NOT_FOUND',
      metadata: { wallet: unknown },
    })
    await assertFails(fund({ amount: dollars }), {
      reason: 'ASSET_MISMATCH',
      code: 'FAILED_PRECONDITION',
      metadata: { wallet: wallet.name, asset_code: 'USD' },
    })
  })
})
