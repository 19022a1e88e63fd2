import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import {
  CancelIntentRequest,
  ConfirmIntentRequest,
  IntentServiceService,
} from '../../../gen/paymesh/intent/v1/intent_service.js'
import { IntentAdminServiceService } from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import { type Intent, IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { WalletServiceService } from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { assertFails } from './assert-fails.js'
import { TestMesh } from './mesh.js'
import { qrRequest, topUpRequest, withdrawalRequest } from './payment-request.js'
import { operator } from './raw-client.js'
import { type TestIntent } from './test-intent.js'
import { until } from './mesh-process.js'
import { SimulatedProvider } from './simulated-provider.js'

describe('a payment that a provider carries out', function () {
  this.timeout(60_000)
  let mesh: TestMesh
  let intent: TestIntent
  let provider: SimulatedProvider
  let other: SimulatedProvider
  let purse: Wallet

  before(async () => {
    mesh = await TestMesh.start()
    provider = await SimulatedProvider.start()
    other = await SimulatedProvider.start('qp')
    intent = await mesh.startIntent({ providers: [provider.options, other.options] })
    purse = await intent.wallet('ann', 10_000_000n)
  })
  beforeEach(() => {
    for (const each of [provider, other]) each.behave({ behaviour: 'settle-at-once' })
  })
  afterEach(() => mesh.assertConserved())
  after(async () => {
    await provider.stop()
    await other.stop()
  })

  const idOf = ({ name }: Intent) => name.slice('intents/'.length)
  const withdraw = async (request = withdrawalRequest(purse, 10_000n)) => (await intent.pay('ann', request)).message
  const balance = () => intent.available(purse.name)

  /** Lets the next question come at once, and waits until the payment is where it should be. */
  async function becomes(paid: Intent, state: IntentState): Promise<Intent> {
    await mesh.pool.query('update intents set resume_after = now() where id = $1', [idOf(paid)])
    await until(async () => (await intent.intent(paid.name)).state === state, `${paid.name} is ${state}`)
    return await intent.intent(paid.name)
  }

  it('settles when the provider settles at once', async () => {
    const before = await balance()
    const paid = await withdraw()
    assert.equal(paid.state, IntentState.SETTLED)
    assert.equal(paid.providerReference, provider.transfer(idOf(paid)).reference)
    assert.deepEqual(provider.transfer(idOf(paid)).destination, { bank_code: '004', account_number: '1234567890' })
    assert.equal(provider.transfer(idOf(paid)).amount, paid.payeeTotal?.minorUnits?.toString())
    assert.equal(before - (await balance()), paid.payerTotal?.minorUnits)
  })

  it('pays the merchant behind a QR code', async () => {
    const request = qrRequest(purse, 10_000n)
    const paid = await withdraw(request)
    assert.equal(paid.state, IntentState.SETTLED)
    assert.deepEqual(provider.transfer(idOf(paid)).destination, { merchant_id: '0066801234567' })
    assert.deepEqual(paid.payee, request.intent?.payee)
  })

  it('goes to the provider of its channel', async () => {
    const { name } = await withdraw(topUpRequest(purse, 10_000n))
    await until(async () => (await intent.intent(name)).state === IntentState.SETTLED, `${name} settles`)
    const paid = await intent.intent(name)
    assert.deepEqual(other.transfer(idOf(paid)).destination, { account_number: '+66812345678' })
    const credited = (await mesh.accounts()).find(({ name }) => name === 'accounts/settlement.THB.qp')
    assert.equal(credited?.balances?.posted?.minorUnits, paid.payeeTotal?.minorUnits)
  })

  it('fails with the reason of a provider that refuses, and gives the money back', async () => {
    provider.behave({ behaviour: 'refuse-unprocessable' })
    const before = await balance()
    const paid = await withdraw()
    assert.equal(paid.state, IntentState.FAILED)
    assert.equal(paid.failure?.reason, 'REFUSED_BY_PROVIDER')
    assert.equal(await balance(), before)
  })

  it('is answered AUTHORIZED when the provider has only accepted it, and settles when it is asked again', async () => {
    provider.behave({ behaviour: 'undecided' })
    const request = withdrawalRequest(purse, 10_000n)
    const paid = await withdraw(request)
    assert.equal(paid.state, IntentState.AUTHORIZED)
    assert.notEqual(paid.providerReference, '')
    assert.deepEqual(await withdraw(request), paid, 'a repeated request asks the provider nothing')
    assert.equal(provider.polls(idOf(paid)), 0)
    provider.decide(idOf(paid), 'SETTLED')
    await becomes(paid, IntentState.SETTLED)
    assert.equal(provider.posts(idOf(paid)), 1)
  })

  it('can neither be confirmed nor cancelled once the provider was asked', async () => {
    provider.behave({ behaviour: 'undecided' })
    const { name } = await withdraw()
    const held = { code: 'FAILED_PRECONDITION', reason: 'INTENT_NOT_HELD' } as const
    const as = { user: 'ann' }
    const cancel = CancelIntentRequest.fromPartial({ name, requestId: randomUUID() })
    await assertFails(intent.call(IntentServiceService.cancelIntent, cancel, as), held)
    const confirm = ConfirmIntentRequest.fromPartial({ name, requestId: randomUUID() })
    await assertFails(intent.call(IntentServiceService.confirmIntent, confirm, as), held)
  })

  const lost = {
    'an answer that is lost': 'reset-but-charged',
    garbage: 'garbage',
    'a failure': 'error-but-taken',
    "a refusal that is not the provider's": 'turned-down-but-taken',
  } as const
  for (const [what, behaviour] of Object.entries(lost)) {
    it(`after ${what} is asked about, and not asked for again`, async () => {
      provider.behave({ behaviour })
      const paid = await withdraw()
      assert.equal(paid.state, IntentState.AUTHORIZED)
      provider.decide(idOf(paid), 'SETTLED')
      await becomes(paid, IntentState.SETTLED)
      assert.equal(provider.posts(idOf(paid)), 1)
    })
  }

  for (const [how, behaviour, posts] of [
    ['was lost', 'down', 1],
    ['was turned down on the way', 'unprocessable', 2],
  ] as const) {
    it(`that ${how} and never arrived is asked for again, under the same id`, async () => {
      provider.behave({ behaviour })
      const paid = await withdraw()
      assert.equal(paid.state, IntentState.AUTHORIZED)
      provider.behave({ behaviour: 'settle-at-once' })
      await becomes(paid, IntentState.SETTLED)
      assert.equal(provider.posts(idOf(paid)), posts)
    })
  }

  it('is neither given up nor asked for again because something on the way does not find it', async () => {
    provider.behave({ behaviour: 'error-but-taken' })
    const paid = await withdraw()
    await endTime(paid)
    await mesh.passMinute(idOf(paid))
    for (const poll of ['page', 'error', 'other-unknown'] as const) {
      provider.behave({ behaviour: 'undecided', poll })
      assert.equal((await isPolled(paid)).state, IntentState.AUTHORIZED, poll)
    }
    assert.equal(provider.posts(idOf(paid)), 1)
    provider.behave({ behaviour: 'undecided' })
    provider.decide(idOf(paid), 'SETTLED')
    await becomes(paid, IntentState.SETTLED)
  })

  it('is asked about when its time is over, and given up when nothing can be on its way any more', async () => {
    provider.behave({ behaviour: 'undecided' })
    const before = await balance()
    const settling = await withdraw()
    provider.decide(idOf(settling), 'SETTLED')
    provider.behave({ behaviour: 'server-error-then-ok' })
    const hopeless = await withdraw()
    await endTime(settling, hopeless)
    await becomes(settling, IntentState.SETTLED)
    assert.equal((await isPolled(hopeless)).state, IntentState.AUTHORIZED, 'it may be on its way')
    await mesh.passMinute(idOf(hopeless))
    const expired = await becomes(hopeless, IntentState.EXPIRED)
    assert.equal(before - (await balance()), settling.payerTotal?.minorUnits)
    assert.equal(expired.failure, undefined)
    assert.deepEqual([provider.polls(idOf(hopeless)), provider.posts(idOf(hopeless))], [2, 1])
  })

  async function endTime(...payments: Intent[]): Promise<void> {
    const ids = payments.map(idOf)
    await mesh.pool.query('update intents set hold_expire_time = now() where id = any($1)', [ids])
  }

  /** Waits until the provider was asked again, and what it said was taken in. */
  async function isPolled(paid: Intent): Promise<Intent> {
    const polls = provider.polls(idOf(paid))
    await mesh.pool.query(`update intents set resume_after = now(), resume_count = 0 where id = $1`, [idOf(paid)])
    await until(() => provider.polls(idOf(paid)) > polls, 'the provider is asked')
    const claimed = `select from intents where id = $1 and resume_after > now() + interval '20 seconds'`
    await until(async () => (await mesh.pool.query(claimed, [idOf(paid)])).rowCount === 0, 'the answer is taken in')
    return await intent.intent(paid.name)
  }

  it('is not given up while the provider has it, or may have it, or has paid another amount', async () => {
    provider.behave({ behaviour: 'undecided' })
    const accepted = await withdraw()
    const unheard = await withdraw()
    const other = await withdraw()
    await endTime(accepted, unheard, other)
    for (const paid of [accepted, unheard, other]) await mesh.passMinute(idOf(paid))
    assert.equal((await isPolled(accepted)).state, IntentState.AUTHORIZED)
    provider.behave({ behaviour: 'undecided', poll: 'reset' })
    assert.equal((await isPolled(unheard)).state, IntentState.AUTHORIZED)
    provider.decide(idOf(other), 'SETTLED')
    provider.behave({ behaviour: 'undecided', poll: 'other-amount' })
    assert.equal((await isPolled(other)).state, IntentState.AUTHORIZED)
    provider.behave({ behaviour: 'undecided' })
    for (const paid of [accepted, unheard, other]) {
      provider.decide(idOf(paid), 'SETTLED')
      await becomes(paid, IntentState.SETTLED)
    }
  })

  it('is not kept waiting by another provider that hangs', async () => {
    for (const each of [provider, other]) each.behave({ behaviour: 'undecided' })
    const hanging = await withdraw()
    provider.behave({ behaviour: 'undecided', poll: 'nothing' })
    await mesh.pool.query('update intents set resume_after = now() where id = $1', [idOf(hanging)])
    await until(() => provider.polls(idOf(hanging)) > 0, 'the provider hangs')
    const paid = await withdraw(topUpRequest(purse, 10_000n))
    await until(() => other.find(idOf(paid)) !== undefined, 'the other provider has it')
    other.decide(idOf(paid), 'SETTLED')
    await becomes(paid, IntentState.SETTLED)
    assert.equal((await intent.intent(hanging.name)).state, IntentState.AUTHORIZED)
    assert.equal(provider.polls(idOf(hanging)), 1, 'while it hangs')
    provider.behave({ behaviour: 'undecided' })
    provider.hangUp()
    provider.decide(idOf(hanging), 'SETTLED')
    await becomes(hanging, IntentState.SETTLED)
  })

  it('is not kept waiting by a question about another payment that hangs', async () => {
    provider.behave({ behaviour: 'undecided' })
    const account = '5550001111'
    const hanging = await withdraw(withdrawalRequest(purse, 10_000n, account))
    const paid = await withdraw()
    provider.behaveTowards(account, { behaviour: 'undecided', poll: 'nothing' })
    await mesh.pool.query('update intents set resume_after = now() where id = $1', [idOf(hanging)])
    await until(() => provider.polls(idOf(hanging)) > 0, 'the question hangs')
    provider.decide(idOf(paid), 'SETTLED')
    await becomes(paid, IntentState.SETTLED)
    const hangs = `select from intents where id = $1 and resume_after > now() + interval '10 seconds'`
    assert.equal((await mesh.pool.query(hangs, [idOf(hanging)])).rowCount, 1, 'while the question hangs')
    provider.behaveTowards(account, undefined)
    provider.hangUp()
    provider.decide(idOf(hanging), 'SETTLED')
    await becomes(hanging, IntentState.SETTLED)
  })

  it('whose payer is frozen when the provider pays waits, and settles after it', async () => {
    provider.behave({ behaviour: 'undecided' })
    const before = await balance()
    const paid = await withdraw()
    const support = { user: 'sue', permissions: ['wallet:freeze'] }
    await intent.call(WalletServiceService.freezeWallet, { name: purse.name, reason: 'looked into' }, support)
    provider.decide(idOf(paid), 'SETTLED')
    for (let round = 0; round < 2; round++) assert.equal((await decided(paid)).state, IntentState.AUTHORIZED)
    await intent.call(WalletServiceService.unfreezeWallet, { name: purse.name, reason: 'all is well' }, support)
    await becomes(paid, IntentState.SETTLED)
    assert.equal(before - (await balance()), paid.payerTotal?.minorUnits)
    const { rowCount } = await mesh.pool.query('select from discrepancies where intent_id = $1', [idOf(paid)])
    assert.equal(rowCount, 0)
  })

  /** Tries to finish the payment, and waits until the provider's word is written. */
  async function decided(paid: Intent): Promise<Intent> {
    await intent.call(IntentAdminServiceService.resumeIntent, { name: paid.name }, operator).catch(() => undefined)
    const captured = 'select from intents where id = $1 and capture_minor is not null'
    await mesh.pool.query('update intents set resume_after = now() where id = $1', [idOf(paid)])
    await until(async () => (await mesh.pool.query(captured, [idOf(paid)])).rowCount === 1, 'the provider has paid')
    return await intent.intent(paid.name)
  }

  it('is ended by an operator, whatever the provider has said so far', async () => {
    provider.behave({ behaviour: 'undecided' })
    const before = await balance()
    const { name } = await withdraw()
    const { message } = await intent.call(IntentAdminServiceService.failIntent, { name, reason: 'lost' }, operator)
    assert.equal(message.intent?.state, IntentState.FAILED)
    assert.equal(await balance(), before)
  })
})
