import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { type Behaviour } from '../../../dev/provider-simulator/script.js'
import { type TransferView } from '../../../dev/provider-simulator/transfer-book.js'
import { CancelIntentRequest, type CreateIntentRequest } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { IntentServiceService } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { IntentAdminServiceService } from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import {
  ProviderCallbackServiceService,
  ReceiveCallbackRequest,
} from '../../../gen/paymesh/intent/v1/provider_callback_service.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { type CrashPoint, crashPoints } from '../crash-points.js'
import { failureOf, type Intent, isFinal } from '../intents/intent.js'
import { TestMesh } from './mesh.js'
import { withdrawalRequest } from './payment-request.js'
import { operator } from './raw-client.js'
import { type TestIntent } from './test-intent.js'
import { until } from './mesh-process.js'
import { SimulatedProvider } from './simulated-provider.js'

// Random histories of payments that a provider carries out: it settles, refuses, says nothing or loses its answer, calls
// back at any time, twice or too late, takes in late what was sent, and denies what it has accepted, while payers cancel,
// operators give up, holds run out and replicas are cut off. The provider pays or does not; at the end the books say the same.
// Only what an operator gave up is on the list: time alone gives nothing back that is paid. One lie would: denying, a minute after
// the end, what it has and whose acceptance nobody heard. The histories do not have it.

/** What happens to a payment, the one at a place in the order of their making. */
type Happening =
  | { readonly kind: 'make'; readonly behaviour: Behaviour; readonly at: CrashPoint | undefined }
  | { readonly kind: 'repeat'; readonly pick: number; readonly at: CrashPoint | undefined }
  | { readonly kind: 'decide'; readonly pick: number; readonly status: 'SETTLED' | 'REFUSED' }
  | { readonly kind: 'callBack'; readonly pick: number; readonly times: number; readonly at: CrashPoint | undefined }
  | { readonly kind: 'cancel' | 'giveUp' | 'poll'; readonly pick: number; readonly at: CrashPoint | undefined }
  /** Its time is over, and maybe for a minute already, in which all arrives that was sent. */
  | { readonly kind: 'end' | 'minute'; readonly pick: number }

// Those that neither keep a caller waiting for seconds nor call back by themselves.
const treatments: readonly Behaviour[] = [
  'settle-at-once',
  'undecided',
  'refuse',
  'refuse-unprocessable',
  'reset-but-charged',
  'error-but-taken',
  'garbage',
  'unprocessable',
  'down',
  'overtaken',
  'accept-unnamed',
]
// Of which the provider says that it has them.
const accepting: readonly Behaviour[] = ['undecided', 'accept-unnamed']

// Of what random histories seldom meet.
const examples: [Happening[]][] = [
  [
    [
      { kind: 'make', behaviour: 'overtaken', at: undefined },
      { kind: 'end', pick: 0 },
      { kind: 'make', behaviour: 'accept-unnamed', at: undefined },
      { kind: 'minute', pick: 1 },
      { kind: 'make', behaviour: 'unprocessable', at: undefined },
      { kind: 'minute', pick: 2 },
    ],
  ],
]

describe('any history of payments that a provider carries out', () => {
  let mesh: TestMesh
  let provider: SimulatedProvider
  let whole: TestIntent
  let cutOff: TestIntent
  let purse: Wallet
  let nextCut: CrashPoint | undefined
  let accounts = 2_000_000_000
  /** The accounts of payments of which we heard that the provider has them, by their request. */
  const heard = new Map<string, string>()

  before(async function () {
    this.timeout(60_000)
    mesh = await TestMesh.start()
    provider = await SimulatedProvider.start()
    const providers = [provider.options]
    whole = await mesh.startIntent({ providers })
    cutOff = await mesh.startIntent({
      providers,
      crashPoint: (point) => {
        if (point !== nextCut) return
        nextCut = undefined
        throw new Error(`cut off ${point}`)
      },
    })
    purse = await whole.wallet('ann', 1_000_000_000n)
  })
  after(async () => {
    await mesh.stop()
    await provider.stop()
  })

  /** Asks the replica that is cut off at the point, once; undefined: the one that works. Whatever comes of it. */
  async function ask(at: CrashPoint | undefined, call: (intent: TestIntent) => Promise<unknown>): Promise<void> {
    nextCut = at
    await call(at === undefined ? whole : cutOff).catch(() => undefined)
    nextCut = undefined
  }

  async function play(requests: CreateIntentRequest[], happening: Happening): Promise<void> {
    if (happening.kind === 'make') {
      const account = String((accounts += 1))
      const request = withdrawalRequest(purse, 10_000n, account)
      requests.push(request)
      provider.behave({ behaviour: happening.behaviour })
      await ask(happening.at, (intent) => intent.pay('ann', request))
      if (happening.at === undefined && accepting.includes(happening.behaviour)) heard.set(request.requestId, account)
      return
    }
    const request = requests[happening.pick % requests.length]
    const stored = request && (await find(request))
    if (request === undefined || stored === undefined) return
    await playOn(request, stored, happening)
  }

  async function playOn(
    request: CreateIntentRequest,
    stored: Intent,
    happening: Exclude<Happening, { kind: 'make' }>,
  ): Promise<void> {
    const name = `intents/${stored.id}`
    const transfer = provider.find(stored.id)
    switch (happening.kind) {
      case 'repeat':
        await ask(happening.at, (intent) => intent.pay('ann', request))
        break
      case 'decide':
        if (transfer?.status === 'ACCEPTED') provider.decide(transfer.id, happening.status)
        break
      case 'callBack':
        if (transfer !== undefined && transfer.status !== 'ACCEPTED') {
          await ask(happening.at, (intent) => callBack(intent, transfer, happening.times))
        }
        break
      case 'cancel': {
        const cancel = CancelIntentRequest.fromPartial({ name, requestId: randomUUID() })
        await ask(happening.at, (intent) => intent.call(IntentServiceService.cancelIntent, cancel, { user: 'ann' }))
        break
      }
      case 'giveUp': {
        const fail = { name, reason: 'nobody answers' }
        await ask(happening.at, (intent) => intent.call(IntentAdminServiceService.failIntent, fail, operator))
        break
      }
      case 'poll': {
        const resume = { name }
        await ask(happening.at, (intent) => intent.call(IntentAdminServiceService.resumeIntent, resume, operator))
        break
      }
      case 'end':
      case 'minute':
        await mesh.pool.query('update intents set hold_expire_time = least(hold_expire_time, now()) where id = $1', [
          stored.id,
        ])
        await pollDenied(request, name)
        if (happening.kind === 'end') break
        provider.arrive()
        await mesh.passMinute(stored.id)
        await pollDenied(request, name)
    }
  }

  /** Asks the provider, which denies what we heard that it has. */
  async function pollDenied({ requestId }: CreateIntentRequest, name: string): Promise<void> {
    const account = heard.get(requestId)
    if (account !== undefined) provider.behaveTowards(account, { behaviour: 'undecided', poll: 'unknown' })
    await ask(undefined, (intent) => intent.call(IntentAdminServiceService.resumeIntent, { name }, operator))
    if (account !== undefined) provider.behaveTowards(account, undefined)
  }

  async function find({ requestId }: CreateIntentRequest): Promise<Intent | undefined> {
    return (await mesh.intents()).find((stored) => stored.requestId === requestId)
  }

  /** The same event so many times, and then the same answer as another event. */
  async function callBack(intent: TestIntent, transfer: TransferView, times: number): Promise<void> {
    const callback = provider.callback(transfer.id)
    const all = [...Array.from({ length: times }, () => callback), provider.callback(transfer.id)]
    await Promise.all(
      all.map(async ({ headers, body }) => {
        const request = ReceiveCallbackRequest.fromPartial({ provider: provider.name, body: { data: body } })
        await intent.call(ProviderCallbackServiceService.receiveCallback, request, { anonymous: true, headers })
      }),
    )
  }

  /** The provider makes up its mind about the rest and says so, and everything comes to its end. */
  async function finish(): Promise<void> {
    provider.behave({ behaviour: 'settle-at-once' })
    provider.arrive()
    for (const transfer of provider.transfers) {
      if (transfer.status === 'ACCEPTED') provider.decide(transfer.id, 'SETTLED')
    }
    for (const { id } of await mesh.intents()) await mesh.passMinute(id)
    await until(
      async () => {
        await mesh.pool.query(`update intents set resume_after = now() where state in ('VALIDATED', 'AUTHORIZED')`)
        return (await mesh.intents()).every(isFinal)
      },
      'every payment is over',
      30_000,
    )
    // Where the money was given back, only a callback tells of what was paid.
    for (const transfer of provider.transfers) await callBack(whole, transfer, 1)
    const isDue = async () => (await mesh.pool.query(`select 1 from discrepancies where booking = 'DUE'`)).rowCount
    await until(async () => (await isDue()) === 0, 'what was paid too late is booked')
  }

  async function assertBooks(): Promise<void> {
    await mesh.assertConserved()
    const intents = await mesh.intents()
    const settled = new Set(intents.filter(({ status }) => status.state === 'SETTLED').map(({ id }) => id))
    const paid = provider.transfers.filter(({ status }) => status === 'SETTLED').map(({ id }) => id)
    const late = await mesh.pool.query<{ id: string; booking: string | null }>(
      `select transfer_id as id, booking from discrepancies where kind = 'LATE_SUCCESS'`,
    )
    // What is on the list is paid, and nothing that is paid is neither settled nor on the list.
    const booked = late.rows.filter(({ booking }) => booking === 'BOOKED').map(({ id }) => id)
    const ours = intents.filter(({ payee }) => payee.kind === 'external').map(({ id }) => id)
    assert.deepEqual([...ours.filter((id) => settled.has(id)), ...booked].sort(), paid.sort())
    const ends = new Map(intents.map((intent) => [intent.id, failureOf(intent)?.reason]))
    for (const { id } of late.rows) assert.equal(ends.get(id), 'FAILED_BY_OPERATOR', `${id} was given back and paid`)
    const { rows: others } = await mesh.pool.query(`select kind from discrepancies where kind <> 'LATE_SUCCESS'`)
    assert.deepEqual(others, [], 'a provider that tells the truth contradicts nobody')
    const taken = new Set(provider.transfers.map(({ id }) => id))
    for (const { id, submission } of intents) {
      if (taken.has(id)) assert.ok(submission?.askedMs !== undefined, 'asked after it was written')
    }
  }

  it('ends with the provider and the books of one mind, or on the list', async function () {
    this.timeout(120_000)
    const at = fc.option(fc.constantFrom(...crashPoints), { nil: undefined })
    const pick = fc.nat(100)
    const behaviour = fc.constantFrom(...treatments)
    const happening: fc.Arbitrary<Happening> = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('make' as const), behaviour, at }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('repeat' as const), pick, at }) },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('decide' as const),
          pick,
          status: fc.constantFrom('SETTLED' as const, 'REFUSED' as const),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('callBack' as const),
          pick,
          times: fc.integer({ min: 1, max: 3 }),
          at,
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constantFrom('cancel' as const, 'giveUp' as const, 'poll' as const),
          pick,
          at,
        }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('end' as const, 'minute' as const), pick }) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { minLength: 30, maxLength: 60, size: 'max' }), async (history) => {
        const requests: CreateIntentRequest[] = []
        for (const each of history) await play(requests, each)
        await finish()
        await assertBooks()
      }),
      { numRuns: 7, endOnFailure: true, examples },
    )
  })
})
