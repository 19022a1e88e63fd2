import assert from 'node:assert/strict'
import { type CreateIntentRequest } from '../../../gen/paymesh/intent/v1/intent_service.js'
import {
  ProviderCallbackServiceService,
  ReceiveCallbackRequest,
} from '../../../gen/paymesh/intent/v1/provider_callback_service.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { type CrashPoint, crashPoints } from '../crash-points.js'
import { type Intent, isFinal } from '../intents/intent.js'
import { type IntentProcess } from './intent-process.js'
import { TestMesh } from './mesh.js'
import { until } from './mesh-process.js'
import { type OperationOutside, requestsOutside } from './payment-request.js'
import { SimulatedProvider } from './simulated-provider.js'
import { type TestIntent } from './test-intent.js'
import { ToldEvents } from './told-events.js'

const operations = Object.keys(requestsOutside) as OperationOutside[]
// What every payment passes alike, before its money is held and after its outcome, is tested with payments between wallets.
const points = crashPoints.filter((point) => !/-(insert|wish|burn|attempt|publish|delete)$|^before-ledger$/.test(point))
// From where on it matters what the provider says.
const pointsOfAnswer = points.slice(points.indexOf('after-take'))

/**
 * Kills Intent processes for real at each point of payments that a provider carries out, of every operation, and lets
 * another process finish them. Which points an operation passes is seen from one that is not disturbed.
 */
describe('an Intent process that is killed while a provider carries out its payments', function () {
  this.timeout(60_000)
  let mesh: TestMesh
  let told: ToldEvents
  let ipps: SimulatedProvider
  let qp: SimulatedProvider
  /** The process that lives; nobody else is there while the others die. */
  let living: TestIntent
  let purse: Wallet
  const dying = new Map<OperationOutside, IntentProcess>()
  const passed = new Map<OperationOutside, Set<CrashPoint>>()

  before(async () => {
    mesh = await TestMesh.start()
    told = new ToldEvents(mesh)
    ;[ipps, qp] = [await SimulatedProvider.start('ipps'), await SimulatedProvider.start('qp')]
    for (const operation of operations) {
      dying.set(operation, await mesh.intentProcess({ providers: [providerOf(operation)] }))
    }
    living = await mesh.startIntent()
    purse = await living.wallet('ann', 1_000_000_000n)
    await living.stop()
    await watchUndisturbed()
    await live()
  })
  after(async () => {
    told.close()
    await mesh.stop()
    await ipps.stop()
    await qp.stop()
  })

  async function watchUndisturbed(): Promise<void> {
    for (const operation of operations) {
      const seen = new Set<CrashPoint>()
      passed.set(operation, seen)
      const watched = await mesh.startIntent({
        providers: [ipps.options, qp.options],
        crashPoint: (point) => seen.add(point),
      })
      await watched.pay('ann', requestsOutside[operation](purse, 10_000n))
      await until(async () => (await mesh.intents()).every(isFinal), `${operation} is final`)
      await watched.stop()
    }
  }

  async function live(): Promise<void> {
    const providers = [ipps.options, qp.options]
    living = await mesh.startIntent({ providers, limits: { submissionIdleMsMax: 100 } })
  }

  function behave(behaviour: 'settle-at-once' | 'refuse-unprocessable' | 'undecided'): void {
    for (const provider of [ipps, qp]) provider.behave({ behaviour })
  }

  const providerOf = (operation: OperationOutside) => (operation === 'QP_TOPUP' ? qp : ipps)
  const idOf = ({ id }: { readonly id: string }) => id
  const passes = (operation: OperationOutside, point: CrashPoint) => passed.get(operation)?.has(point) === true

  /** A process of each operation that passes the point pays until it dies there; answers what they asked for. */
  async function dieAt(point: CrashPoint): Promise<CreateIntentRequest[]> {
    await living.stop()
    await mesh.allTold()
    const asked: CreateIntentRequest[] = []
    const deaths = operations.map(async (operation) => {
      if (!passes(operation, point)) return
      await dying.get(operation)!.diesAt(point, async (at) => {
        // What is done beside a request may be done by another of the processes, which dies of it.
        for (;;) {
          const request = requestsOutside[operation](purse, 10_000n)
          asked.push(request)
          await at.pay('ann', request)
        }
      })
    })
    await Promise.all(deaths)
    assert.ok(asked.length > 0, `somebody passes ${point}`)
    return asked
  }

  /** Waits until the living process has finished everything, and sees that every book says the same. */
  async function finished(): Promise<Map<string, Intent>> {
    await until(async () => {
      await mesh.pool.query(`update intents set resume_after = now() where state in ('VALIDATED', 'AUTHORIZED')`)
      return (await mesh.intents()).every(isFinal)
    }, 'every payment is final')
    await mesh.assertConserved()
    await told.assertOfEachMove()
    const { rowCount } = await mesh.pool.query('select from discrepancies')
    assert.equal(rowCount, 0)
    const intents = await mesh.intents()
    const settled = intents.filter(({ payee, status }) => payee.kind === 'external' && status.state === 'SETTLED')
    const paid = [ipps, qp].flatMap(({ transfers }) => transfers.filter(({ status }) => status === 'SETTLED'))
    assert.deepEqual(settled.map(idOf).sort(), paid.map(idOf).sort(), 'what settled is what was paid')
    return new Map(intents.map((intent) => [intent.requestId, intent]))
  }

  /** What the processes left is finished unasked; then each client asks again, and gets its one payment. */
  async function assertOutcome(asked: readonly CreateIntentRequest[], state: 'SETTLED' | 'FAILED'): Promise<void> {
    await live()
    await finished()
    for (const request of asked) await living.pay('ann', request)
    const intents = await finished()
    for (const { requestId } of asked) assert.equal(intents.get(requestId)?.status.state, state)
    const made = [...(await mesh.intents())].filter(({ requestId }) =>
      asked.some((each) => each.requestId === requestId),
    )
    assert.equal(made.length, asked.length, 'one payment a request')
  }

  for (const point of points) {
    it(`at ${point}, and the provider settles, leaves one outcome`, async () => {
      behave('settle-at-once')
      await assertOutcome(await dieAt(point), 'SETTLED')
    })
  }

  for (const point of pointsOfAnswer) {
    it(`at ${point}, and the provider refuses, leaves one outcome`, async () => {
      behave('refuse-unprocessable')
      await assertOutcome(await dieAt(point), 'FAILED')
    })
  }

  for (const point of ['after-ledger', 'after-update'] as const) {
    for (const [what, outcome, state] of [
      ['posting', 'SETTLED', 'SETTLED'],
      ['releasing', 'REFUSED', 'FAILED'],
    ] as const) {
      it(`at ${point} of ${what}, leaves one outcome`, async () => {
        const held = await hold()
        await living.stop()
        for (const [operation, { id }] of held) providerOf(operation).decide(id, outcome)
        // One learns it by asking, and dies of it when nobody else is there to do so; the others are told.
        const [[, asking], ...toldOf] = [...held] as [[OperationOutside, Held], ...[OperationOutside, Held][]]
        await mesh.pool.query(
          `update intents set resume_after = now() + interval '1 hour' * (id <> $1)::integer where state = 'AUTHORIZED'`,
          [asking.id],
        )
        await dying.get('IPPS_WITHDRAWAL')!.diesUnasked(point)
        await Promise.all(
          toldOf.map(([operation, { id }]) => dying.get(operation)!.diesAt(point, (at) => callBack(at, operation, id))),
        )
        await assertOutcome(
          [...held.values()].map(({ request }) => request),
          state,
        )
      })
    }
  }

  interface Held {
    readonly id: string
    readonly request: CreateIntentRequest
  }

  /** A payment of each operation that its provider has, and has not decided. */
  async function hold(): Promise<ReadonlyMap<OperationOutside, Held>> {
    behave('undecided')
    const paid = operations.map(async (operation) => {
      const request = requestsOutside[operation](purse, 10_000n)
      const { name } = (await living.pay('ann', request)).message
      await until(async () => (await living.intent(name)).providerReference !== '', `${operation} is accepted`)
      return [operation, { id: name.slice('intents/'.length), request }] as const
    })
    return new Map(await Promise.all(paid))
  }

  async function callBack(at: TestIntent, operation: OperationOutside, id: string): Promise<void> {
    const provider = providerOf(operation)
    const { headers, body } = provider.callback(id)
    const request = ReceiveCallbackRequest.fromPartial({ provider: provider.name, body: { data: body } })
    await at.call(ProviderCallbackServiceService.receiveCallback, request, { anonymous: true, headers })
  }
})
