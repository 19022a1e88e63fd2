import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { CreateWalletRequest, WalletServiceService } from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Wallet, WalletState } from '../../../gen/paymesh/intent/v1/wallet.js'
import { IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { assertFails } from '../test/assert-fails.js'
import { TestMesh } from '../test/mesh.js'
import { type Answer, type As, operator } from '../test/raw-client.js'
import { type TestIntent } from '../test/test-intent.js'
import { succeeds, until } from '../test/mesh-process.js'
import { sharedIntent, sharedMesh } from '../test/shared-mesh.js'

describe('CreateWallet', () => {
  let mesh: TestMesh
  let intent: TestIntent

  before(async function () {
    this.timeout(60_000)
    mesh = await sharedMesh()
    intent = await sharedIntent()
  })

  async function create(
    wallet: Partial<Wallet> | undefined,
    requestId: string = randomUUID(),
    as: As = { user: 'wallet-ann' },
  ): Promise<Answer<Wallet>> {
    const request = CreateWalletRequest.fromPartial({ requestId, ...(wallet && { wallet }) })
    const { message, headers } = await intent.call(WalletServiceService.createWallet, request, as)
    return { message: message.wallet!, headers }
  }

  it('makes an empty wallet and its account', async () => {
    const { message: wallet } = await create({ assetCode: 'THB', displayName: '🙂'.repeat(63) })
    assert.match(wallet.name, /^wallets\/[0-9a-f-]{36}$/)
    assert.equal(wallet.owner, 'users/wallet-ann')
    assert.equal(wallet.displayName, '🙂'.repeat(63))
    assert.equal(wallet.state, WalletState.ACTIVE)
    assert.deepEqual(wallet.available, { assetCode: 'THB', minorUnits: 0n })
    assert.deepEqual(wallet.held, { assetCode: 'THB', minorUnits: 0n })
    const account = (await mesh.accounts()).find(({ name }) => name === wallet.ledgerAccount)
    assert.equal(account?.owner, wallet.name)
  })

  it('asked for 20 times at once makes one wallet', async () => {
    const requestId = randomUUID()
    const answers = await Promise.all(Array.from({ length: 20 }, () => create({ assetCode: 'THB' }, requestId)))
    for (const { message } of answers) assert.deepEqual(message, answers[0]!.message)
    assert.equal(answers.filter(({ headers }) => headers.get('idempotent-replay').length > 0).length, 19)
  })

  it('answers a replay with the wallet as it now is', async () => {
    const requestId = randomUUID()
    const { message: wallet } = await create({ assetCode: 'THB' }, requestId)
    assert.equal((await intent.fund(wallet.name, 700n)).state, IntentState.SETTLED)
    const { message: again } = await create({ assetCode: 'THB' }, requestId)
    assert.deepEqual(again, { ...wallet, available: { assetCode: 'THB', minorUnits: 700n } })
  })

  it('refuses a request id that stands for another wallet', async () => {
    const requestId = randomUUID()
    await create({ assetCode: 'THB' }, requestId)
    for (const wallet of [{ assetCode: 'USD' }, { assetCode: 'THB', displayName: 'x' }]) {
      await assertFails(create(wallet, requestId), {
        reason: 'REQUEST_ID_REUSED',
        code: 'ALREADY_EXISTS',
        metadata: { request_id: requestId },
      })
    }
    await create({ assetCode: 'USD' }, requestId, { user: 'wallet-ben' })
  })

  it('fails, in this order', async () => {
    const wrong = { assetCode: 'x', name: 'wallets/1', owner: 'users/eve', ledgerAccount: 'a', state: 1 as WalletState }
    await assertFails(create(wrong, '', operator), { reason: 'PEER_NOT_ALLOWED', code: 'PERMISSION_DENIED' })
    await assertFails(create(wrong, '', { anonymous: true }), { reason: 'NOT_SIGNED_IN', code: 'UNAUTHENTICATED' })
    await assertFails(create(wrong, '', { user: 'x', permissions: ['wallet:read'] }), {
      reason: 'PERMISSION_MISSING',
      code: 'PERMISSION_DENIED',
    })
    const invalid = (fields: string[]) => ({ reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields }) as const
    await assertFails(
      create(wrong, ''),
      invalid(['request_id', 'asset_code', 'name', 'owner', 'state', 'ledger_account'].map(ofWallet)),
    )
    await assertFails(create(undefined), invalid(['wallet']))
    await assertFails(create({ assetCode: 'THB', displayName: 'x'.repeat(64) }), invalid(['wallet.display_name']))
    await assertFails(create({ assetCode: 'THB', displayName: '\u0000' }), invalid(['wallet.display_name']))
    await assertFails(create({ assetCode: 'XAU' }), {
      reason: 'ASSET_NOT_FOUND',
      code: 'FAILED_PRECONDITION',
      metadata: { asset_code: 'XAU' },
    })
  })

  function ofWallet(field: string): string {
    return field === 'request_id' ? field : `wallet.${field}`
  }

  it('that was interrupted before the account is finished by whoever needs the wallet', async () => {
    const own = await TestMesh.start()
    const other = await own.startIntent()
    await other.wallet('ann')
    const requestId = randomUUID()
    await own.ledger.kill()
    const request = CreateWalletRequest.fromPartial({ requestId, wallet: { assetCode: 'THB' } })
    await assertFails(other.call(WalletServiceService.createWallet, request, { user: 'ann' }), {
      reason: 'DEPENDENCY_UNAVAILABLE',
      code: 'UNAVAILABLE',
      metadata: { dependency: 'ledger' },
    })
    await own.ledger.start()
    const { rows } = await own.pool.query<{ id: string }>('select id from wallets where request_id = $1', [requestId])
    const name = `wallets/${rows[0]!.id}`
    // The same request until the connection to the Ledger is back, as a client with retries sends it.
    const funding = { name, requestId, amount: { assetCode: 'THB', minorUnits: 700n }, reference: '' }
    const funded = () => other.call(WalletServiceService.fundWallet, funding, operator)
    await until(() => succeeds(funded()), 'the Ledger is back')
    assert.equal(await other.available(name), 700n)
    await own.stop()
  }).timeout(60_000)
})
