import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type SignedCallback } from '../../../dev/provider-simulator/callback.js'
import { type TransferView } from '../../../dev/provider-simulator/transfer-book.js'
import { AccountKind } from '../../../gen/paymesh/ledger/v1/account.js'
import { type Discrepancy, DiscrepancyKind } from '../../../gen/paymesh/intent/v1/discrepancy.js'
import {
  IntentAdminServiceService,
  ListDiscrepanciesRequest,
} from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import { type Intent, IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import {
  ProviderCallbackServiceService,
  ReceiveCallbackRequest,
} from '../../../gen/paymesh/intent/v1/provider_callback_service.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { assertFails } from './assert-fails.js'
import { TestMesh } from './mesh.js'
import { withdrawalRequest } from './payment-request.js'
import { operator } from './raw-client.js'
import { type TestIntent } from './test-intent.js'
import { until } from './mesh-process.js'
import { SimulatedProvider } from './simulated-provider.js'

/** A provider that lies, and calls back: no money is doubled or lost, and the list names each lie. */
describe('a provider that lies', function () {
  this.timeout(60_000)
  let mesh: TestMesh
  let intent: TestIntent
  let provider: SimulatedProvider
  let purse: Wallet

  before(async () => {
    mesh = await TestMesh.start()
    provider = await SimulatedProvider.start()
    intent = await mesh.startIntent({ providers: [provider.options] })
    purse = await intent.wallet('ann', 10_000_000n)
  })
  beforeEach(() => {
    provider.behave({ behaviour: 'undecided' })
  })
  afterEach(() => mesh.assertConserved())
  after(() => provider.stop())

  const idOf = ({ name }: Intent) => name.slice('intents/'.length)
  const balance = () => intent.available(purse.name)
  const stateOf = async ({ name }: Intent) => (await intent.intent(name)).state

  /** A payment that the provider has, and what it knows of it. */
  async function accepted(): Promise<{ paid: Intent; transfer: TransferView }> {
    const { message } = await intent.pay('ann', withdrawalRequest(purse, 10_000n))
    return { paid: message, transfer: provider.transfer(idOf(message)) }
  }

  function send({ headers, body }: SignedCallback, to = 'ipps') {
    const request = ReceiveCallbackRequest.fromPartial({ provider: to, body: { data: body } })
    return intent.call(ProviderCallbackServiceService.receiveCallback, request, { anonymous: true, headers })
  }

  async function discrepancies(about: string, at = intent): Promise<Discrepancy[]> {
    const request = ListDiscrepanciesRequest.fromPartial({ pageSize: 1000, showResolved: true })
    const { message } = await at.call(IntentAdminServiceService.listDiscrepancies, request, operator)
    return message.discrepancies.filter(({ transferId }) => transferId === about)
  }
  const kindsAbout = async (about: string) => (await discrepancies(about)).map(({ kind }) => kind)

  async function end(paid: Intent): Promise<void> {
    const request = { name: paid.name, reason: 'no answer' }
    const { message } = await intent.call(IntentAdminServiceService.failIntent, request, operator)
    assert.equal(message.intent?.state, IntentState.FAILED)
  }

  it('calls back, once or twice or with another id: the payment settles once', async () => {
    const before = await balance()
    const { paid, transfer } = await accepted()
    provider.decide(transfer.id, 'SETTLED')
    const callback = provider.callback(transfer.id)
    for (const each of [callback, callback, provider.callback(transfer.id)]) await send(each)
    assert.equal(await stateOf(paid), IntentState.SETTLED)
    assert.equal(before - (await balance()), paid.payerTotal?.minorUnits)
    assert.deepEqual(await kindsAbout(transfer.id), [])
    const { rows } = await mesh.pool.query<{ effect: string }>(
      'select effect from provider_events where transfer_id = $1 order by effect',
      [transfer.id],
    )
    assert.deepEqual(
      rows.map(({ effect }) => effect),
      ['CAPTURE', 'NONE'],
    )
  })

  it('calls back many times at once: the payment settles once', async () => {
    const before = await balance()
    const { paid, transfer } = await accepted()
    provider.decide(transfer.id, 'SETTLED')
    await Promise.all(Array.from({ length: 12 }, () => send(provider.callback(transfer.id))))
    assert.equal(await stateOf(paid), IntentState.SETTLED)
    assert.equal(before - (await balance()), paid.payerTotal?.minorUnits)
  })

  it('refuses by callback: the payer has the money back', async () => {
    const before = await balance()
    const { paid, transfer } = await accepted()
    provider.decide(transfer.id, 'REFUSED')
    await send(provider.callback(transfer.id, { reason: 'account closed' }))
    const failed = await intent.intent(paid.name)
    assert.equal(failed.failure?.message, 'The provider refused the payment: account closed')
    assert.equal(await balance(), before)
  })

  it('pays after the money was given back: booked from suspense, once, and on the list', async () => {
    const before = await balance()
    const { paid, transfer } = await accepted()
    await end(paid)
    provider.decide(transfer.id, 'SETTLED')
    await send(provider.callback(transfer.id))
    await send(provider.callback(transfer.id))
    await until(async () => (await discrepancies(transfer.id))[0]?.booked === true, 'the late success is booked')
    assert.deepEqual(await kindsAbout(transfer.id), [DiscrepancyKind.LATE_SUCCESS])
    assert.equal(await stateOf(paid), IntentState.FAILED)
    assert.equal(await balance(), before)
    const all = (await mesh.accounts()).filter(({ kind }) => kind === AccountKind.SUSPENSE)
    assert.deepEqual(
      all.map(({ name, balances }) => [name, balances?.posted?.minorUnits]),
      [['accounts/suspense.THB.ipps', -10_000n]],
    )
  })

  it('pays while the release is decided and not yet carried out: the Ledger is asked once for each', async () => {
    const { paid, transfer } = await accepted()
    await mesh.pool.query(`update intents set release_kind = 'EXPIRE', resume_after = now() where id = $1`, [
      transfer.id,
    ])
    provider.decide(transfer.id, 'SETTLED')
    await send(provider.callback(transfer.id))
    await until(async () => (await discrepancies(transfer.id))[0]?.booked === true, 'the late success is booked')
    assert.equal(await stateOf(paid), IntentState.EXPIRED)
  })

  it('refuses what it has paid: the payment stands, and the list says so', async () => {
    const { paid, transfer } = await accepted()
    provider.decide(transfer.id, 'SETTLED')
    await send(provider.callback(transfer.id))
    await send(provider.callback(transfer.id, { status: 'REFUSED' }))
    assert.equal(await stateOf(paid), IntentState.SETTLED)
    assert.deepEqual(await kindsAbout(transfer.id), [DiscrepancyKind.CONTRADICTION])
  })

  it('uses one event id for two answers: neither is lost', async () => {
    const { paid, transfer } = await accepted()
    await send(provider.callback(transfer.id, { event_id: 'evt_same', status: 'REFUSED' }))
    await send(provider.callback(transfer.id, { event_id: 'evt_same', status: 'SETTLED' }))
    assert.equal(await stateOf(paid), IntentState.FAILED)
    await until(async () => (await discrepancies(transfer.id))[0]?.booked === true, 'the late success is booked')
  })

  for (const [what, change] of [
    ['another amount', { amount: '9999' }],
    ['another currency', { currency: 'USD' }],
  ] as const) {
    it(`pays ${what}: nothing is decided, and the list says so`, async () => {
      const { paid, transfer } = await accepted()
      await send(provider.callback(transfer.id, { ...change, status: 'SETTLED' }))
      assert.equal(await stateOf(paid), IntentState.AUTHORIZED)
      assert.deepEqual(await kindsAbout(transfer.id), [DiscrepancyKind.AMOUNT_MISMATCH])
      await end(paid)
    })
  }

  /** What is on the suspense account, once nothing is to be booked any more. */
  const suspense = async () => {
    const due = `select from discrepancies d join intents i on i.id = d.intent_id
      where d.booking = 'DUE' and i.state <> 'AUTHORIZED'`
    await until(async () => (await mesh.pool.query(due)).rowCount === 0, 'all is booked')
    const found = (await mesh.accounts()).find(({ name }) => name === 'accounts/suspense.THB.ipps')
    return found?.balances?.posted?.minorUnits ?? 0n
  }
  const paysOther = (transfer: TransferView, amount: string) =>
    send(provider.callback(transfer.id, { amount, status: 'SETTLED' }))
  const bookingOf = async (id: string, kind = 'AMOUNT_MISMATCH') => {
    const text = 'select booking from discrepancies where transfer_id = $1 and kind = $2'
    return (await mesh.pool.query<{ booking: string | null }>(text, [id, kind])).rows[0]?.booking
  }
  const isBooked = (id: string) => until(async () => (await bookingOf(id)) === 'BOOKED', 'the other amount is booked')

  it('paid another amount, and the money is given back: what it last said is booked, once, whatever it says then', async () => {
    const [before, owed] = [await balance(), await suspense()]
    const { paid, transfer } = await accepted()
    await paysOther(transfer, '9999')
    await paysOther(transfer, '9998')
    assert.equal((await discrepancies(transfer.id))[0]?.booked, false, 'nothing is booked while the money is held')
    await end(paid)
    await isBooked(transfer.id)
    assert.equal(await balance(), before)
    assert.equal(owed - (await suspense()), 9_998n)
    await paysOther(transfer, '9997')
    provider.decide(transfer.id, 'SETTLED')
    await send(provider.callback(transfer.id))
    await until(async () => (await bookingOf(transfer.id, 'LATE_SUCCESS')) === 'NOT_NEEDED', 'it is booked once')
    // As after a crash between the Ledger and what is written of it.
    await mesh.pool.query(
      `update discrepancies set booking = 'DUE', book_time = null, book_after = now()
       where transfer_id = $1 and kind = 'AMOUNT_MISMATCH'`,
      [transfer.id],
    )
    await isBooked(transfer.id)
    assert.equal(owed - (await suspense()), 9_998n)
    const found = (await discrepancies(transfer.id)).find(({ kind }) => kind === DiscrepancyKind.AMOUNT_MISMATCH)
    assert.deepEqual([found?.amount?.minorUnits, found?.bookedAmount?.minorUnits], [9_997n, 9_998n])
  })

  it('pays another amount after the money was given back: it is booked', async () => {
    const owed = await suspense()
    const { paid, transfer } = await accepted()
    await end(paid)
    await paysOther(transfer, '12345678901')
    await isBooked(transfer.id)
    assert.equal(owed - (await suspense()), 12_345_678_901n)
  })

  it('corrects the other amount, to what was asked for or to nothing: it is not booked', async () => {
    const owed = await suspense()
    for (const status of ['SETTLED', 'REFUSED'] as const) {
      const { paid, transfer } = await accepted()
      await paysOther(transfer, '9999')
      await send(provider.callback(transfer.id, { status }))
      assert.equal(await stateOf(paid), status === 'SETTLED' ? IntentState.SETTLED : IntentState.FAILED)
      assert.equal(await bookingOf(transfer.id), 'NOT_NEEDED')
    }
    assert.equal(await suspense(), owed)
  })

  it('paid nothing of the asset: it is not booked', async () => {
    const owed = await suspense()
    for (const change of [
      { currency: 'USD', status: 'SETTLED' },
      { amount: '0', status: 'SETTLED' },
      { amount: '9999', status: 'REFUSED' },
    ]) {
      const { paid, transfer } = await accepted()
      await send(provider.callback(transfer.id, change))
      await end(paid)
      assert.equal(await bookingOf(transfer.id), null)
    }
    assert.equal(await suspense(), owed)
  })

  it('answers a submission with another amount: nothing is decided, and the list says so', async () => {
    provider.behave({ behaviour: 'answer-other-amount' })
    const { paid, transfer } = await accepted()
    assert.equal(paid.state, IntentState.AUTHORIZED)
    assert.deepEqual(await kindsAbout(transfer.id), [DiscrepancyKind.AMOUNT_MISMATCH])
    await end(paid)
  })

  it('pays what it was never asked for: the list says so, and the answer tells nothing', async () => {
    const { paid, transfer } = await accepted()
    const p2p = await intent.fund(purse.name, 5n)
    for (const id of [randomUUID(), 'x'.repeat(64), idOf(p2p)]) {
      assert.deepEqual((await send(provider.callback(transfer.id, { id, status: 'SETTLED' }))).message, {})
      assert.deepEqual(await kindsAbout(id), [DiscrepancyKind.UNKNOWN_TRANSFER])
    }
    await end(paid)
  })

  it('is somebody else: nothing is stored', async () => {
    const { paid, transfer } = await accepted()
    provider.decide(transfer.id, 'SETTLED')
    const good = provider.callback(transfer.id)
    const stranger = { ...good, headers: { ...good.headers, 'webhook-signature': 'v1,AAAA' } }
    const replaced = { ...good, headers: { ...good.headers, 'webhook-id': 'evt_other' } }
    const changed = { ...good, body: Buffer.from(`${good.body.toString()} `) }
    const unsigned = { ...good, headers: {} }
    const old = { ...good, headers: { ...good.headers, 'webhook-timestamp': '1700000000' } }
    for (const bad of [stranger, replaced, changed, unsigned, old]) {
      await assertFails(send(bad), { code: 'UNAUTHENTICATED', reason: 'CALLBACK_NOT_SIGNED' })
    }
    await assertFails(send(good, 'nobody'), { code: 'NOT_FOUND', reason: 'PROVIDER_NOT_FOUND' })
    const { rowCount } = await mesh.pool.query('select from provider_events where transfer_id = $1', [transfer.id])
    assert.equal(rowCount, 0)
    assert.equal(await stateOf(paid), IntentState.AUTHORIZED)
    await end(paid)
  })

  it('signs what was not agreed: nothing is stored', async () => {
    const { paid, transfer } = await accepted()
    for (const change of [
      { status: 'ACCEPTED' },
      { amount: '1.5' },
      { amount: '-1' },
      { amount: 5 },
      { id: '\u0000' },
    ]) {
      const fields = ['body']
      await assertFails(send(provider.callback(transfer.id, change)), {
        code: 'INVALID_ARGUMENT',
        reason: 'INVALID_FIELD',
        fields,
      })
    }
    await end(paid)
  })

  it('says something else after it was looked into: that is looked into again', async () => {
    const { paid, transfer } = await accepted()
    const found = async () => (await discrepancies(transfer.id))[0]
    const resolve = async () => {
      const request = { name: (await found())?.name ?? '', note: 'told by phone' }
      await intent.call(IntentAdminServiceService.resolveDiscrepancy, request, operator)
    }
    await paysOther(transfer, '9999')
    await resolve()
    await paysOther(transfer, '9999')
    assert.equal((await found())?.resolution?.note, 'told by phone', 'it said so before')
    await paysOther(transfer, '99999')
    assert.equal((await found())?.resolution, undefined)
    await resolve()
    await send(provider.callback(transfer.id, { amount: '99999', status: 'REFUSED' }))
    assert.equal((await found())?.resolution, undefined)
    await paysOther(transfer, '9999')
    await send(provider.callback(transfer.id, { status: 'REFUSED' }))
    assert.equal(await bookingOf(transfer.id), 'NOT_NEEDED')
    await resolve()
    await paysOther(transfer, '9999')
    assert.equal((await found())?.resolution, undefined, 'it is booked after all')
    await isBooked(transfer.id)
    assert.equal(await stateOf(paid), IntentState.FAILED)
  })

  it('is looked into: each discrepancy is resolved once, with a note', async () => {
    const id = randomUUID()
    const { paid, transfer } = await accepted()
    await send(provider.callback(transfer.id, { id, status: 'SETTLED' }))
    const [found] = await discrepancies(id)
    assert.ok(found)
    const request = { name: found.name, note: 'a test of theirs' }
    const resolve = () => intent.call(IntentAdminServiceService.resolveDiscrepancy, request, operator)
    const { message } = await resolve()
    assert.equal(message.discrepancy?.resolution?.note, 'a test of theirs')
    assert.equal(message.discrepancy.resolution.resolver, 'peers/operator')
    await assertFails(resolve(), { code: 'FAILED_PRECONDITION', reason: 'DISCREPANCY_RESOLVED' })
    const nobody = { ...request, name: `discrepancies/${randomUUID()}` }
    const notFound = { code: 'NOT_FOUND', reason: 'DISCREPANCY_NOT_FOUND' } as const
    await assertFails(intent.call(IntentAdminServiceService.resolveDiscrepancy, nobody, operator), notFound)
    const wrong = { name: 'x', note: '' }
    const invalid = { code: 'INVALID_ARGUMENT', reason: 'INVALID_FIELD', fields: ['name', 'note'] } as const
    await assertFails(intent.call(IntentAdminServiceService.resolveDiscrepancy, wrong, operator), invalid)
    const page = ListDiscrepanciesRequest.fromPartial({ pageSize: 1 })
    const open = await intent.call(IntentAdminServiceService.listDiscrepancies, page, operator)
    assert.ok(open.message.discrepancies.every(({ resolution }) => resolution === undefined))
    const next = { ...page, pageToken: open.message.nextPageToken }
    const second = await intent.call(IntentAdminServiceService.listDiscrepancies, next, operator)
    assert.notEqual(second.message.discrepancies[0]?.name, open.message.discrepancies[0]?.name)
    await end(paid)
  })
})
