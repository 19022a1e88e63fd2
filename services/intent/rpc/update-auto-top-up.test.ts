import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { AutoTopUp } from '../../../gen/paymesh/intent/v1/auto_top_up.js'
import { UpdateAutoTopUpRequest, WalletServiceService } from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { assertFails } from '../test/assert-fails.js'
import { paymentRequest } from '../test/payment-request.js'
import { type As, operator } from '../test/raw-client.js'
import { type TestIntent } from '../test/test-intent.js'
import { sharedIntent } from '../test/shared-mesh.js'

const ann = { user: 'top-up-ann' } as const
const thb = (minorUnits: bigint) => ({ assetCode: 'THB', minorUnits })

describe('UpdateAutoTopUp and GetAutoTopUp', () => {
  let intent: TestIntent
  let purse: Wallet
  let savings: Wallet
  let name: string

  before(async () => {
    intent = await sharedIntent()
    purse = await intent.wallet(ann.user, 1_000_000n)
    savings = await intent.wallet(ann.user)
    name = `${purse.name}/autoTopUp`
  })

  async function update(autoTopUp: Partial<AutoTopUp>, updateMask: string[] = [], as: As = ann) {
    const request = UpdateAutoTopUpRequest.fromPartial({ autoTopUp: { name, ...autoTopUp }, updateMask })
    return (await intent.call(WalletServiceService.updateAutoTopUp, request, as)).message.autoTopUp!
  }

  async function get(as: As = ann, of = name) {
    return (await intent.call(WalletServiceService.getAutoTopUp, { name: of }, as)).message.autoTopUp!
  }

  it('begin with a rule that does nothing', async () => {
    assert.deepEqual(await get(), AutoTopUp.fromPartial({ name, usedToday: thb(0n) }))
  })

  it('change what has a value, or what the mask names', async () => {
    const amounts = { threshold: thb(1_000n), amount: thb(5_000n), dailyCap: thb(20_000n) }
    const whole = { ...amounts, enabled: true, source: savings.name }
    const set = await update(whole)
    assert.deepEqual(set, AutoTopUp.fromPartial({ name, ...whole, usedToday: thb(0n) }))
    assert.equal((await update({ amount: thb(6_000n) })).enabled, true)
    assert.equal((await update({ amount: thb(1n) }, ['enabled'])).enabled, false)
    assert.deepEqual(await get(operator), { ...set, amount: thb(6_000n), enabled: false })
    assert.deepEqual(await update({ ...whole, enabled: true }, ['*']), set)
  })

  it('say in order what is wrong', async () => {
    const fresh = `${(await intent.wallet(ann.user)).name}/autoTopUp`
    const dollars = await intent.wallet(ann.user, 0n, 'USD')
    const others = await intent.wallet('top-up-eve')
    const nobody = `wallets/${randomUUID()}`
    const amounts = { threshold: thb(1_000n), amount: thb(5_000n), dailyCap: thb(20_000n) }
    const invalid: [rule: Partial<AutoTopUp>, mask: string[], field: string][] = [
      [{ name: purse.name }, [], 'auto_top_up.name'],
      [{ name: `${purse.name}/autoTopUps` }, [], 'auto_top_up.name'],
      [{ name: `${nobody}/x` }, [], 'auto_top_up.name'],
      [{ source: 'x' }, [], 'auto_top_up.source'],
      [{ source: purse.name }, [], 'auto_top_up.source'],
      [{ source: '' }, ['source'], 'auto_top_up.source'],
      [{ amount: thb(0n) }, [], 'auto_top_up.amount.minor_units'],
      [{ threshold: thb(-1n) }, [], 'auto_top_up.threshold.minor_units'],
      [{}, ['daily_cap'], 'auto_top_up.daily_cap'],
      [{}, ['last_failures'], 'update_mask'],
      [{ ...amounts, dailyCap: thb(4_999n) }, [], 'auto_top_up.daily_cap'],
      [{ ...amounts, dailyCap: thb(500_001n) }, [], 'auto_top_up.daily_cap'],
      [{ name: fresh, enabled: true }, [], 'auto_top_up.enabled'],
      [{ name: fresh, enabled: true, ...amounts }, [], 'auto_top_up.enabled'],
    ]
    for (const [rule, mask, field] of invalid) {
      await assertFails(update(rule, mask), { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields: [field] })
    }
    const notFound = { reason: 'WALLET_NOT_FOUND', code: 'NOT_FOUND' } as const
    const notOwner = { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' } as const
    const mismatch = { reason: 'ASSET_MISMATCH', code: 'FAILED_PRECONDITION' } as const
    await assertFails(update({ name: `${nobody}/autoTopUp` }), notFound)
    await assertFails(update({ source: nobody }), notFound)
    await assertFails(update({ source: others.name }), notOwner)
    await assertFails(update({ enabled: false }, ['enabled'], { user: 'top-up-eve' }), notOwner)
    await assertFails(get({ user: 'top-up-eve' }), notOwner)
    await assertFails(get(ann, `${nobody}/autoTopUp`), notFound)
    await assertFails(get(ann, purse.name), { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields: ['name'] })
    await assertFails(update({ source: dollars.name }), mismatch)
    await assertFails(update({ amount: { assetCode: 'USD', minorUnits: 1n } }), mismatch)
    assert.deepEqual((await get()).amount, thb(5_000n), 'nothing of it was written')
  })

  it('leave top-ups to the service: nobody may ask for one', async () => {
    const request = paymentRequest(purse, savings, 1_000n, { operationType: 'AUTO_TOPUP' })
    await assertFails(intent.pay(ann.user, request), {
      reason: 'INVALID_FIELD',
      code: 'INVALID_ARGUMENT',
      fields: ['intent.operation_type'],
    })
  })

  it('find the rule of a closed wallet switched off, and that of no other', async () => {
    const [closing, source] = [await intent.wallet(ann.user), await intent.wallet(ann.user)]
    const amounts = { threshold: thb(1_000n), amount: thb(5_000n), dailyCap: thb(20_000n) }
    for (const { name: of } of [closing, purse]) {
      await update({ name: `${of}/autoTopUp`, ...amounts, enabled: true, source: source.name })
    }
    await intent.call(WalletServiceService.closeWallet, { name: closing.name }, ann)
    const rule = await get(ann, `${closing.name}/autoTopUp`)
    assert.deepEqual([rule.enabled, rule.source, rule.amount], [false, source.name, amounts.amount])
    assert.equal((await get()).enabled, true)
    const closed = { reason: 'WALLET_CLOSED', code: 'FAILED_PRECONDITION' } as const
    await assertFails(update({ name: `${closing.name}/autoTopUp`, enabled: true }), closed)
    await assertFails(update({ source: closing.name }), closed)
    assert.equal((await get()).source, source.name)
    assert.equal((await update({ name: `${closing.name}/autoTopUp`, amount: thb(6_000n) })).enabled, false)
  })

  it('and the closing of its wallet, at once, never leave it switched on', async () => {
    const amounts = { threshold: thb(1_000n), amount: thb(5_000n), dailyCap: thb(20_000n), source: savings.name }
    for (let round = 0; round < 10; round += 1) {
      const closing = await intent.wallet(ann.user)
      const ruleName = `${closing.name}/autoTopUp`
      await Promise.allSettled([
        update({ name: ruleName, ...amounts, enabled: true }),
        intent.call(WalletServiceService.closeWallet, { name: closing.name }, ann),
      ])
      await intent.call(WalletServiceService.closeWallet, { name: closing.name }, ann)
      assert.equal((await get(ann, ruleName)).enabled, false)
    }
  })
})
