import assert from 'node:assert/strict'
import { testCertificates } from '../../../dev/testing.js'
import { WalletServiceService } from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Wallet, WalletState } from '../../../gen/paymesh/intent/v1/wallet.js'
import { IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { assertFails } from '../test/assert-fails.js'
import { type TestMesh } from '../test/mesh.js'
import { paymentRequest } from '../test/payment-request.js'
import { type As, operator } from '../test/raw-client.js'
import { type TestIntent } from '../test/test-intent.js'
import { sharedIntent, sharedMesh } from '../test/shared-mesh.js'
import { connectWalletAccounts, type WalletAccounts } from '../wallets/wallet-accounts-client.js'

const unknown = 'wallets/0190a000-0000-7000-8000-00000000dead'
const support: As = { user: 'freeze-sue', permissions: ['wallet:freeze', 'wallet:read'] }
const ann: As = { user: 'freeze-ann' }

describe('FreezeWallet, UnfreezeWallet and CloseWallet', () => {
  let mesh: TestMesh
  let intent: TestIntent
  let ledger: WalletAccounts
  let ben: Wallet

  before(async function () {
    this.timeout(60_000)
    mesh = await sharedMesh()
    intent = await sharedIntent()
    ledger = connectWalletAccounts({ address: mesh.ledger.address, tls: (await testCertificates()).of('intent') })
    ben = await intent.wallet('freeze-ben', 10_000n)
  })
  after(() => {
    ledger.close()
  })

  async function freeze(name: string, as: As = support, reason = 'stolen phone'): Promise<Wallet> {
    return (await intent.call(WalletServiceService.freezeWallet, { name, reason }, as)).message.wallet!
  }

  async function unfreeze(name: string, as: As = support, reason = 'phone found'): Promise<Wallet> {
    return (await intent.call(WalletServiceService.unfreezeWallet, { name, reason }, as)).message.wallet!
  }

  async function close(name: string, as: As = ann): Promise<Wallet> {
    return (await intent.call(WalletServiceService.closeWallet, { name }, as)).message.wallet!
  }

  async function get(name: string, as: As = ann): Promise<Wallet> {
    return (await intent.call(WalletServiceService.getWallet, { name }, as)).message.wallet!
  }

  async function failureOf(payer: Wallet, payee: Wallet): Promise<string> {
    const { message } = await intent.pay(payer.owner.slice('users/'.length), paymentRequest(payer, payee, 100n))
    return message.state === IntentState.SETTLED ? 'none' : message.failure!.reason
  }

  async function orders(wallet: Wallet): Promise<string[]> {
    const { rows } = await mesh.pool.query<{ told: string }>(
      `select kind || ' by ' || actor || ': ' || reason as told from wallet_orders where wallet_id = $1 order by id`,
      [wallet.name.slice('wallets/'.length)],
    )
    return rows.map(({ told }) => told)
  }

  it('a frozen wallet neither pays nor is paid, and does again when it is unfrozen', async () => {
    const wallet = await intent.wallet('freeze-ann', 1_000n)
    const frozen = await freeze(wallet.name)
    assert.equal(frozen.state, WalletState.FROZEN)
    assert.equal(frozen.freezeReason, 'stolen phone')
    assert.deepEqual(await failureOf(wallet, ben), 'ACCOUNT_CLOSED')
    assert.deepEqual(await failureOf(ben, wallet), 'ACCOUNT_CLOSED')
    assert.equal((await intent.fund(wallet.name, 5n)).failure?.reason, 'ACCOUNT_CLOSED')
    const open = await unfreeze(wallet.name)
    assert.deepEqual([open.state, open.freezeReason], [WalletState.ACTIVE, ''])
    assert.deepEqual(await failureOf(wallet, ben), 'none')
    assert.deepEqual(await failureOf(ben, wallet), 'none')
    assert.deepEqual(await orders(wallet), [
      'FREEZE by users/freeze-sue: stolen phone',
      'UNFREEZE by users/freeze-sue: phone found',
    ])
    await mesh.assertConserved()
  })

  it('the owner sees that, not why, and support cannot look into the reason of a freeze of its own', async () => {
    const wallet = await intent.wallet('freeze-ann')
    await freeze(wallet.name, operator, 'under suspicion')
    assert.deepEqual([(await get(wallet.name)).state, (await get(wallet.name)).freezeReason], [WalletState.FROZEN, ''])
    assert.equal((await get(wallet.name, operator)).freezeReason, 'under suspicion')
    const both: As = { user: 'freeze-ann', permissions: ['wallet:freeze', 'wallet:read'] }
    assert.equal((await get(wallet.name, both)).freezeReason, '')
    const { message } = await intent.call(WalletServiceService.listWallets, { pageSize: 0, pageToken: '' }, ann)
    assert.equal(message.wallets.find(({ name }) => name === wallet.name)?.state, WalletState.FROZEN)
  })

  it('again answers the same, with the newest reason', async () => {
    const wallet = await intent.wallet('freeze-ann')
    assert.equal((await unfreeze(wallet.name)).state, WalletState.ACTIVE)
    await freeze(wallet.name)
    assert.equal((await freeze(wallet.name, support, 'and the card')).freezeReason, 'and the card')
    await Promise.all(Array.from({ length: 10 }, () => freeze(wallet.name)))
    assert.equal((await get(wallet.name)).state, WalletState.FROZEN)
  })

  it('many at once leave the wallet as the Ledger has it', async () => {
    const wallet = await intent.wallet('freeze-ann')
    const calls = Array.from({ length: 12 }, (_, index) => (index % 2 ? freeze(wallet.name) : unfreeze(wallet.name)))
    await Promise.all(calls)
    const expected =
      (await ledger.state(wallet.ledgerAccount, {})) === 'FROZEN' ? WalletState.FROZEN : WalletState.ACTIVE
    assert.equal((await get(wallet.name)).state, expected)
    assert.equal((await unfreeze(wallet.name)).state, WalletState.ACTIVE)
  })

  it('a closed wallet is closed for ever, and answers to its name', async () => {
    const wallet = await intent.wallet('freeze-ann')
    assert.equal((await close(wallet.name)).state, WalletState.CLOSED)
    assert.equal((await close(wallet.name)).state, WalletState.CLOSED)
    assert.deepEqual(await failureOf(ben, wallet), 'ACCOUNT_CLOSED')
    for (const change of [freeze, unfreeze]) {
      const failure = { reason: 'WALLET_CLOSED', code: 'FAILED_PRECONDITION' } as const
      await assertFails(change(wallet.name), { ...failure, metadata: { wallet: wallet.name } })
    }
    assert.equal((await get(wallet.name)).state, WalletState.CLOSED)
  })

  it('closed by ten calls at once is closed once, and a payment beside them arrives or is refused', async () => {
    const wallet = await intent.wallet('freeze-ann')
    const payment = failureOf(ben, wallet)
    const closed = await Promise.allSettled(Array.from({ length: 10 }, () => close(wallet.name)))
    const { state, available } = await get(wallet.name)
    if ((await payment) === 'none') {
      assert.deepEqual([state, available?.minorUnits], [WalletState.ACTIVE, 100n])
      assert.ok(closed.every(({ status }) => status === 'rejected'))
    } else {
      assert.equal(await payment, 'ACCOUNT_CLOSED')
      assert.equal(state, WalletState.CLOSED)
    }
    await mesh.assertConserved()
  })

  it('interrupted between its steps comes to its end when it is asked again', async () => {
    const [recorded, shut, frozen] = [
      await intent.wallet('freeze-ann'),
      await intent.wallet('freeze-ann'),
      await intent.wallet('freeze-ann'),
    ]
    // Asked for and not done: nothing has happened yet.
    const order = `insert into wallet_orders values ($1, gen_random_uuid(), 'CLOSE', '', 'users/freeze-ann', now())`
    await mesh.pool.query(order, [recorded.name.slice('wallets/'.length)])
    assert.equal((await get(recorded.name)).state, WalletState.ACTIVE)
    assert.equal((await close(recorded.name)).state, WalletState.CLOSED)
    // Done by the Ledger and not noted: whoever looks notes it.
    await ledger.change(shut.ledgerAccount, 'close', {})
    assert.equal((await get(shut.name)).state, WalletState.CLOSED)
    const closeTime = 'select close_time from wallets where id = $1'
    const { rows } = await mesh.pool.query<{ close_time: Date | null }>(closeTime, [shut.name.slice('wallets/'.length)])
    assert.ok(rows[0]?.close_time)
    assert.equal((await close(shut.name)).state, WalletState.CLOSED)
    // Frozen by the Ledger and not told of.
    await ledger.change(frozen.ledgerAccount, 'freeze', {})
    assert.equal((await get(frozen.name)).state, WalletState.FROZEN)
    assert.equal((await freeze(frozen.name)).state, WalletState.FROZEN)
    assert.equal((await unfreeze(frozen.name)).state, WalletState.ACTIVE)
  })

  it('freezing and unfreezing fail, in this order', async () => {
    for (const change of [freeze, unfreeze]) {
      await assertFails(change('x', { peer: 'connector' }, ''), {
        reason: 'PEER_NOT_ALLOWED',
        code: 'PERMISSION_DENIED',
      })
      await assertFails(change('x', { anonymous: true }, ''), { reason: 'NOT_SIGNED_IN', code: 'UNAUTHENTICATED' })
      await assertFails(change('x', ann, ''), { reason: 'PERMISSION_MISSING', code: 'PERMISSION_DENIED' })
      const invalid = { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT' } as const
      await assertFails(change('x', support, ' '), { ...invalid, fields: ['name', 'reason'] })
      await assertFails(change(unknown, support, 'x'.repeat(256)), { ...invalid, fields: ['reason'] })
      const notFound = { reason: 'WALLET_NOT_FOUND', code: 'NOT_FOUND', metadata: { wallet: unknown } } as const
      await assertFails(change(unknown, support), notFound)
    }
  })

  it('closing fails, in this order', async () => {
    const full = await intent.wallet('freeze-ann', 1n)
    await assertFails(close('x', operator), { reason: 'PEER_NOT_ALLOWED', code: 'PERMISSION_DENIED' })
    await assertFails(close('x', { anonymous: true }), { reason: 'NOT_SIGNED_IN', code: 'UNAUTHENTICATED' })
    await assertFails(close('x', { user: 'freeze-ann', permissions: ['wallet:read'] }), {
      reason: 'PERMISSION_MISSING',
      code: 'PERMISSION_DENIED',
    })
    await assertFails(close('x'), { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields: ['name'] })
    await assertFails(close(unknown), { reason: 'WALLET_NOT_FOUND', code: 'NOT_FOUND', metadata: { wallet: unknown } })
    await assertFails(close(full.name, { user: 'freeze-eve' }), { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' })
    await freeze(full.name)
    const metadata = { wallet: full.name }
    await assertFails(close(full.name), { reason: 'WALLET_FROZEN', code: 'FAILED_PRECONDITION', metadata })
    await unfreeze(full.name)
    await assertFails(close(full.name), { reason: 'WALLET_NOT_EMPTY', code: 'FAILED_PRECONDITION', metadata })
    assert.equal((await get(full.name)).state, WalletState.ACTIVE)
    assert.deepEqual(await failureOf(full, ben), 'INSUFFICIENT_FUNDS')
  })
})
