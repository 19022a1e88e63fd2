import assert from 'node:assert/strict'
import { WalletServiceService } from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { assertFails } from '../test/assert-fails.js'
import { type As, operator } from '../test/raw-client.js'
import { type TestIntent } from '../test/test-intent.js'
import { sharedIntent } from '../test/shared-mesh.js'

describe('GetWallet', () => {
  let intent: TestIntent
  let wallet: Wallet

  before(async function () {
    this.timeout(60_000)
    intent = await sharedIntent()
    wallet = await intent.wallet('getw-ann', 1_234n)
  })

  async function get(name: string, as: As): Promise<Wallet | undefined> {
    return (await intent.call(WalletServiceService.getWallet, { name }, as)).message.wallet
  }

  it('answers owner and operators with the balance', async () => {
    const expected = { ...wallet, available: { assetCode: 'THB', minorUnits: 1_234n } }
    for (const as of [{ user: 'getw-ann' }, operator]) assert.deepEqual(await get(wallet.name, as), expected)
  })

  it('fails, in this order', async () => {
    const unknown = 'wallets/0190a000-0000-7000-8000-00000000dead'
    await assertFails(get('x', { anonymous: true }), { reason: 'NOT_SIGNED_IN', code: 'UNAUTHENTICATED' })
    await assertFails(get('x', { user: 'getw-ann', permissions: [] }), {
      reason: 'PERMISSION_MISSING',
      code: 'PERMISSION_DENIED',
    })
    await assertFails(get('x', { user: 'getw-ann' }), {
      reason: 'INVALID_FIELD',
      code: 'INVALID_ARGUMENT',
      fields: ['name'],
    })
    await assertFails(get(unknown, { user: 'getw-ann' }), {
      reason: 'WALLET_NOT_FOUND',
      code: 'NOT_FOUND',
      metadata: { wallet: unknown },
    })
    await assertFails(get(wallet.name, { user: 'getw-eve' }), { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' })
  })
})
