import assert from 'node:assert/strict'
import { type Behaviour, behaviours } from '../../../dev/provider-simulator/script.js'
import { DiscrepancyKind } from '../../../gen/paymesh/intent/v1/discrepancy.js'
import {
  IntentAdminServiceService,
  ListDiscrepanciesRequest,
} from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import { IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { CallbackDoor } from './callback-door.js'
import { TestMesh } from './mesh.js'
import { until } from './mesh-process.js'
import { withdrawalRequest } from './payment-request.js'
import { operator } from './raw-client.js'
import { SimulatedProvider } from './simulated-provider.js'
import { type TestIntent } from './test-intent.js'

/** What a payment comes to while the provider says nothing else, how often it is called back, and what is listed. */
interface Row {
  readonly state: 'SETTLED' | 'FAILED' | 'AUTHORIZED'
  readonly callbacks?: number
  readonly listed?: keyof typeof DiscrepancyKind
}

const settled: Row = { state: 'SETTLED' }
const open: Row = { state: 'AUTHORIZED' }

const rows: Readonly<Record<Behaviour, Row>> = {
  settle: { ...settled, callbacks: 1 },
  'settle-at-once': settled,
  refuse: { state: 'FAILED' },
  'refuse-later': { state: 'FAILED', callbacks: 1 },
  late: open,
  silent: settled,
  'timeout-but-charged': settled,
  'timeout-then-callback': { ...settled, callbacks: 1 },
  'callback-twice': { ...settled, callbacks: 3 },
  'callback-before-response': { ...settled, callbacks: 1 },
  garbage: settled,
  'wrong-signature': { ...settled, callbacks: 1 },
  'other-amount': { ...settled, callbacks: 1, listed: 'AMOUNT_MISMATCH' },
  'unknown-id': { ...settled, callbacks: 1, listed: 'UNKNOWN_TRANSFER' },
  'server-error-then-ok': { ...settled, callbacks: 1 },
  contradiction: { state: 'FAILED', callbacks: 2, listed: 'LATE_SUCCESS' },
  down: open,
  unprocessable: open,
  undecided: open,
  'refuse-unprocessable': { state: 'FAILED' },
  'reset-but-charged': settled,
  'error-but-taken': open,
  'answer-other-amount': { ...settled, listed: 'AMOUNT_MISMATCH' },
  'turned-down-but-taken': open,
  overtaken: settled,
  'accept-unnamed': open,
}

describe('every behaviour of a provider', function () {
  this.timeout(60_000)
  let mesh: TestMesh
  let intent: TestIntent
  let provider: SimulatedProvider
  let door: CallbackDoor

  before(async () => {
    mesh = await TestMesh.start()
    door = await CallbackDoor.open()
    provider = await SimulatedProvider.start('ipps', door.url)
    intent = door.intent = await mesh.startIntent({ providers: [provider.options] })
  })
  after(async () => {
    await provider.stop()
    await door.close()
  })

  /** A payment of each behaviour, all at once: two of them keep their callers waiting until they give up. */
  async function payEach(purse: Wallet): Promise<[Behaviour, string][]> {
    provider.behave(undefined)
    const pay = async (behaviour: Behaviour, index: number): Promise<[Behaviour, string]> => {
      const request = withdrawalRequest(purse, 10_000n, String(1_110_009_001 + index))
      return [behaviour, (await intent.pay('ann', request)).message.name]
    }
    return await Promise.all(behaviours.map(pay))
  }

  async function comeToTheirEnds(paid: readonly [Behaviour, string][]): Promise<void> {
    const callbacks = Object.values(rows).reduce((sum, row) => sum + (row.callbacks ?? 0), 0)
    const isAsExpected = async () => {
      await mesh.pool.query(`update intents set resume_after = least(resume_after, now()) where state = 'AUTHORIZED'`)
      const states = new Map((await mesh.intents()).map(({ id, status }) => [`intents/${id}`, status.state]))
      return paid.every(([behaviour, name]) => states.get(name) === rows[behaviour].state)
    }
    await until(isAsExpected, 'each payment is where its provider leaves it', 20_000)
    await until(() => door.handedOver === callbacks, 'everything is called back')
    const due = `select from discrepancies where booking = 'DUE'`
    await until(async () => (await mesh.pool.query(due)).rowCount === 0, 'what was paid too late is booked')
  }

  async function listed(): Promise<DiscrepancyKind[]> {
    const request = ListDiscrepanciesRequest.fromPartial({ pageSize: 1000 })
    const { message } = await intent.call(IntentAdminServiceService.listDiscrepancies, request, operator)
    return message.discrepancies.map(({ kind }) => kind).sort()
  }

  it('comes to one outcome, pays at most once, and each lie is on the list', async () => {
    const purse = await intent.wallet('ann', 10_000_000n)
    const before = await intent.available(purse.name)
    const paid = await payEach(purse)
    await comeToTheirEnds(paid)
    await mesh.assertConserved()
    let debited = 0n
    for (const [behaviour, name] of paid) {
      const { state, payerTotal } = await intent.intent(name)
      assert.equal(state, IntentState[rows[behaviour].state], behaviour)
      const id = name.slice('intents/'.length)
      if (state !== IntentState.FAILED) debited += payerTotal!.minorUnits!
      if (state === IntentState.SETTLED) assert.equal(provider.transfer(id).status, 'SETTLED', behaviour)
      // What may have arrived is asked about, and sent again when the provider does not know it.
      const posts = behaviour === 'server-error-then-ok' || behaviour === 'overtaken' ? 2 : 1
      if (state !== IntentState.AUTHORIZED) assert.equal(provider.posts(id), posts, behaviour)
    }
    assert.equal(before - (await intent.available(purse.name)), debited)
    assert.deepEqual(
      await listed(),
      Object.values(rows)
        .flatMap(({ listed }) => (listed === undefined ? [] : DiscrepancyKind[listed]))
        .sort(),
    )
  })
})
