import assert from 'node:assert/strict'
import { type CreateIntentRequest, IntentServiceService } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { builtInChannels } from '../channels/built-in-channels.js'
import { type Channel } from '../channels/channel.js'
import { Channels } from '../channels/channels.js'
import { throughTransit, toPayee } from '../channels/through-transit.js'
import { walletFunding } from '../channels/wallet-funding.js'
import { providerAccount } from '../ledger/account-names.js'
import { TransferCode } from '../saga/chain.js'
import { assertFails } from './assert-fails.js'
import { TestMesh } from './mesh.js'
import { paymentRequest, withdrawalRequest } from './payment-request.js'
import { type TestIntent } from './test-intent.js'
import { succeeds, until } from './mesh-process.js'
import { SimulatedProvider } from './simulated-provider.js'

const loyalty: Channel = {
  name: 'LOYALTY',
  operations: { LOYALTY_GIFT: { requestable: true, payee: 'WALLET', holdDecider: 'payee', refundable: true } },
  provider: undefined,
  legs: (intent, amountMinor) => toPayee(intent, amountMinor, TransferCode.PAY),
}

const partnerTransfer: Channel = {
  name: 'PARTNER_TRANSFER',
  operations: {
    PARTNER_PAYOUT: { requestable: true, payee: 'BANK_ACCOUNT', holdDecider: undefined, refundable: false },
  },
  provider: { name: 'partner', holdSeconds: 600, isQueued: false },
  legs: (intent, amountMinor) =>
    throughTransit(intent, amountMinor, TransferCode.WITHDRAW, providerAccount('partner', intent.assetCode)),
}

/** Adds a channel as docs/adding-a-channel.md says, from outside: whatever else had to be changed would fail here. */
describe('a new channel', function () {
  this.timeout(60_000)
  let mesh: TestMesh
  let intent: TestIntent
  let provider: SimulatedProvider
  let [ann, bob]: Wallet[] = []

  before(async () => {
    mesh = await TestMesh.start()
    provider = await SimulatedProvider.start('partner')
    const routes = [
      { id: 'funding', operation_type: 'WALLET_FUNDING', channel: 'WALLET_FUNDING' },
      { id: 'gift', operation_type: 'LOYALTY_GIFT', channel: 'LOYALTY' },
      { id: 'payout', operation_type: 'PARTNER_PAYOUT', channel: 'PARTNER_TRANSFER' },
      { id: 'refund', operation_type: 'REFUND', channel: 'INTERNAL_P2P' },
    ]
    await mesh.publishRuleSet({ routes })
    const channels = [...builtInChannels, loyalty, partnerTransfer]
    intent = await mesh.startIntent({ channels, providers: [provider.options] })
    ;[ann, bob] = [await intent.wallet('ann', 1_000_000n), await intent.wallet('bob')]
    const preview = { intent: gift().intent }
    const isRouted = () => succeeds(intent.call(IntentServiceService.previewIntent, preview, { user: 'ann' }))
    await until(isRouted, 'Rules has the routes')
  })
  afterEach(() => mesh.assertConserved())
  after(() => provider.stop())

  const gift = (holdSeconds?: number): CreateIntentRequest =>
    paymentRequest(ann!, bob!, 5_000n, {
      operationType: 'LOYALTY_GIFT',
      ...(holdSeconds === undefined ? {} : { holdSeconds }),
    })
  function payout(): CreateIntentRequest {
    const request = withdrawalRequest(ann!, 7_000n)
    request.intent!.operationType = 'PARTNER_PAYOUT'
    return request
  }
  const balances = async () => [await intent.available(ann!.name), await intent.available(bob!.name)]

  it('that the Ledger alone settles: paid, seen by who is paid, and given back', async () => {
    const before = await balances()
    const { message: paid } = await intent.pay('ann', gift())
    assert.equal(paid.state, IntentState.SETTLED)
    const refund = { name: paid.name, requestId: 'back', amount: undefined, reason: '' }
    const merchant = { user: 'bob', permissions: ['refunds:write'], roles: ['merchant'] }
    const { message } = await intent.call(IntentServiceService.refundIntent, refund, merchant)
    assert.equal(message.intent?.state, IntentState.SETTLED)
    assert.deepEqual(await balances(), before)
  })

  it('whose payments are held for who is paid: they see it, and take it', async () => {
    const [, before] = await balances()
    const { message: held } = await intent.pay('ann', gift(600))
    assert.equal(held.state, IntentState.AUTHORIZED)
    const { message: list } = await intent.call(
      IntentServiceService.listIntents,
      { pageSize: 10, pageToken: '', state: IntentState.AUTHORIZED, operationType: '', wallet: '' },
      { user: 'bob' },
    )
    assert.deepEqual(
      list.intents.map(({ name }) => name),
      [held.name],
    )
    const confirm = { name: held.name, requestId: 'take', amount: undefined }
    const { message } = await intent.call(IntentServiceService.confirmIntent, confirm, { user: 'bob' })
    assert.equal(message.intent?.state, IntentState.SETTLED)
    assert.equal((await balances())[1], before! + 5_000n)
  })

  it('that a provider carries out: settled, refused, and asked about when its answer is lost', async () => {
    const { message: paid } = await intent.pay('ann', payout())
    assert.equal(paid.state, IntentState.SETTLED)
    const settlement = (await mesh.accounts()).find(({ name }) => name === 'accounts/settlement.THB.partner')
    assert.equal(settlement?.balances?.posted?.minorUnits, 7_000n)
    provider.behave({ behaviour: 'refuse-unprocessable' })
    assert.equal((await intent.pay('ann', payout())).message.failure?.reason, 'REFUSED_BY_PROVIDER')
    provider.behave({ behaviour: 'reset-but-charged' })
    const { message: lost } = await intent.pay('ann', payout())
    assert.equal(lost.state, IntentState.AUTHORIZED)
    await mesh.pool.query(`update intents set resume_after = now() where state = 'AUTHORIZED'`)
    await until(async () => (await intent.intent(lost.name)).state === IntentState.SETTLED, 'it is asked about')
    assert.equal(provider.paidMinor, 14_000n)
  })

  it('is not there for a process that does not have it', async () => {
    const without = await mesh.startIntent({ providers: [provider.options] })
    const fields = ['intent.operation_type']
    const expected = { code: 'INVALID_ARGUMENT', reason: 'INVALID_FIELD', fields } as const
    await assertFails(without.pay('ann', gift()), expected)
  })
})

describe('the channels of a process', () => {
  const channels = new Channels([...builtInChannels, loyalty])

  it('are found by name and operation type together', () => {
    assert.equal(channels.find('LOYALTY', 'LOYALTY_GIFT'), loyalty)
    assert.equal(channels.find('WALLET_FUNDING', 'P2P_TRANSFER'), undefined)
    assert.equal(channels.find('NO_SUCH', 'P2P_TRANSFER'), undefined)
    assert.equal(channels.find('LOYALTY', 'toString'), undefined)
  })

  it('have names and operation types once', () => {
    assert.throws(() => new Channels([walletFunding, { ...loyalty, name: walletFunding.name }]), /two channels/)
    assert.throws(() => new Channels([loyalty, { ...loyalty, name: 'OTHER' }]), /LOYALTY_GIFT/)
  })
})
