import assert from 'node:assert/strict'
import { type CreateIntentRequest } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Intent, IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { type CrashPoint } from '../crash-points.js'
import { isFinal } from '../intents/intent.js'
import { TestMesh } from './mesh.js'
import { paymentRequest, requestsOutside } from './payment-request.js'
import { type TestIntent } from './test-intent.js'
import { type MeshProcess, succeeds, until } from './mesh-process.js'
import { SimulatedProvider } from './simulated-provider.js'

/** Kills the services that a payment asks, for real, at each of its steps. Intent lives; killed.test.ts kills it. */
describe('a payment whose peer is killed', function () {
  this.timeout(60_000)
  let mesh: TestMesh
  let intent: TestIntent
  let providers: readonly SimulatedProvider[] = []
  let purse: Wallet
  let shop: Wallet
  /** Whom to kill, and when: at the point, the nth time that it is reached. */
  let strike: { peer: MeshProcess; at: CrashPoint; nth: number } | undefined

  before(async () => {
    mesh = await TestMesh.start()
    providers = [await SimulatedProvider.start('ipps'), await SimulatedProvider.start('qp')]
    intent = await mesh.startIntent({ providers: providers.map(({ options }) => options), crashPoint: reach })
    purse = await intent.wallet('ann', 10_000_000n)
    shop = await intent.wallet('ben')
  })
  afterEach(() => mesh.assertConserved())
  after(async () => {
    for (const provider of providers) await provider.stop()
  })

  function reach(point: CrashPoint): void {
    if (strike?.at !== point || (strike.nth -= 1) > 0) return
    strike.peer.strike()
    strike = undefined
  }

  const instant = () => [paymentRequest(purse, shop, 10_000n)]
  /** One of each operation that a provider carries out. */
  const carried = () => Object.values(requestsOutside).map((request) => request(purse, 10_000n))

  /** Has the peer die, comes back with it, and asks until the payments are over, as clients do. */
  async function survive(
    requests: readonly CreateIntentRequest[],
    peer: 'ledger' | 'rules',
    [at, nth]: [CrashPoint, number],
    state: IntentState = IntentState.SETTLED,
  ): Promise<Intent[]> {
    const before = await intent.available(purse.name)
    strike = { peer: mesh[peer], at, nth }
    const first = await Promise.all(requests.map((request) => intent.pay('ann', request).catch(() => undefined)))
    await until(() => strike === undefined, 'the payments pass the point')
    await mesh[peer].kill()
    await mesh[peer].start()
    await until(() => succeeds(mesh.accounts()), 'the Ledger answers the test')
    const paid = await Promise.all(requests.map(paidAtLast))
    let debited = 0n
    for (const [index, { name, state: found, payerTotal }] of paid.entries()) {
      assert.equal(name, first[index]?.message.name ?? name)
      assert.equal(found, state)
      if (found === IntentState.SETTLED) debited += payerTotal!.minorUnits!
    }
    assert.equal(before - (await intent.available(purse.name)), debited)
    const ids = requests.map(({ requestId }) => requestId)
    const { rowCount } = await mesh.pool.query('select from intents where request_id = any($1)', [ids])
    assert.equal(rowCount, requests.length)
    return paid
  }

  async function paidAtLast(request: CreateIntentRequest): Promise<Intent> {
    await until(async () => {
      await intent.pay('ann', request).catch(() => undefined)
      // Not of what a provider is being asked for: nobody else may ask until that is over.
      await mesh.pool.query(
        `update intents set resume_after = least(resume_after, now())
         where request_id = $1 and (state = 'VALIDATED' or capture_minor is not null or release_kind is not null)`,
        [request.requestId],
      )
      return (await mesh.intents()).some((stored) => stored.requestId === request.requestId && isFinal(stored))
    }, 'the payment is over')
    return (await intent.pay('ann', request)).message
  }

  const instantSteps: CrashPoint[] = ['before-insert', 'after-insert', 'before-ledger', 'after-ledger', 'after-update']
  for (const point of instantSteps) {
    it(`survives the Ledger's death at ${point}, and is made once`, async () => {
      await survive(instant(), 'ledger', [point, 1])
    })
  }
  for (const point of ['before-insert', 'before-ledger'] as const) {
    it(`survives the death of Rules at ${point}, and is made once`, async () => {
      await survive(instant(), 'rules', [point, 1])
    })
  }

  // The money of three payments is held, their providers are asked, and the holds are posted or released: the Ledger is
  // asked six times.
  const carriedSteps: [CrashPoint, number][] = [
    ['before-ledger', 1],
    ['after-ledger', 1],
    ['before-ask', 1],
    ['after-ask', 1],
    ['after-queue', 1],
    ['after-take', 1],
    ['after-answer', 1],
    ['after-report', 1],
    ['before-ledger', 4],
    ['after-ledger', 4],
  ]
  for (const step of carriedSteps) {
    it(`of providers survives the Ledger's death at ${step.join(' ')}, and each pays once`, async () => {
      behave('settle-at-once')
      for (const { name } of await survive(carried(), 'ledger', step)) {
        const provider = providers.find((each) => each.find(idOf(name)) !== undefined)
        assert.equal(provider?.find(idOf(name))?.status, 'SETTLED')
        assert.equal(provider.posts(idOf(name)), 1)
      }
    })
  }
  for (const step of carriedSteps.filter(([, nth]) => nth > 1)) {
    it(`that providers refuse survives the Ledger's death at ${step.join(' ')}, and gives the money back`, async () => {
      behave('refuse')
      await survive(carried(), 'ledger', step, IntentState.FAILED)
    })
  }

  const idOf = (name: string) => name.slice('intents/'.length)
  function behave(behaviour: 'settle-at-once' | 'refuse'): void {
    for (const provider of providers) provider.behave({ behaviour })
  }
})
