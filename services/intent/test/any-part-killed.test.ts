import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { testPostgres, testValkey } from '../../../dev/testing.js'
import { type CreateIntentRequest } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { isFinal } from '../intents/intent.js'
import { TestMesh } from './mesh.js'
import { until } from './mesh-process.js'
import { paymentRequest, requestsOutside } from './payment-request.js'
import { SimulatedProvider } from './simulated-provider.js'
import { type TestIntent } from './test-intent.js'
import { ToldEvents } from './told-events.js'

/** Something that can be killed and comes back. */
interface Part {
  readonly kill: () => Promise<void>
  readonly start: () => Promise<void>
}

const retryMs = 20
// Of all operations together: enough for some of each to be at every step when a part goes.
const paymentsBetween = 16

describe('payments of every channel, while each part of the mesh is killed', function () {
  this.timeout(120_000)
  let mesh: TestMesh
  let told: ToldEvents
  let parts: Readonly<Record<string, Part>>
  let providers: readonly SimulatedProvider[]
  let replicas: TestIntent[]
  let purse: Wallet
  let shop: Wallet
  const requests: CreateIntentRequest[] = []
  let answered = 0
  let isOver = false
  /** When Valkey was back, with nothing that it was told before. */
  let valkeyBackMs = 0

  before(async () => {
    const [postgres, valkey] = await Promise.all([testPostgres('intent'), testValkey()])
    mesh = await TestMesh.start({ databaseUrl: postgres.url, valkeyUrl: valkey.url })
    providers = [await SimulatedProvider.start('ipps'), await SimulatedProvider.start('qp')]
    const intent = await mesh.startIntent({
      providers: providers.map(({ options }) => options),
      limits: { submissionIdleMsMax: 1_000 },
    })
    const other = await mesh.intentProcess({ providers })
    await other.start()
    replicas = [intent, await other.client()]
    purse = await intent.wallet('ann', 1_000_000_000n)
    shop = await intent.wallet('ben')
    told = new ToldEvents(mesh)
    parts = {
      valkey: {
        kill: () => valkey.crash(),
        start: async () => {
          await valkey.startAgain()
          valkeyBackMs = Date.now()
        },
      },
      postgres: { kill: () => postgres.crash(), start: () => postgres.startAgain() },
      ledger: { kill: () => mesh.ledger.kill(), start: () => mesh.ledger.start() },
      rules: { kill: () => mesh.rules.kill(), start: () => mesh.rules.start() },
      intent: { kill: () => other.kill(), start: () => other.start() },
    }
  })
  after(async () => {
    told.close()
    await replicas[1]?.stop()
    await mesh.stop()
    for (const provider of providers) await provider.stop()
  })

  const kinds = {
    ...requestsOutside,
    P2P_TRANSFER: (payer: Wallet, minorUnits: bigint) => paymentRequest(payer, shop, minorUnits),
  }

  /** Pays one after the other, each until it is answered, at whichever replica answers. */
  async function payOn(make: (payer: Wallet, minorUnits: bigint) => CreateIntentRequest): Promise<void> {
    while (!isOver) {
      const request = make(purse, 10_000n)
      requests.push(request)
      for (let turn = requests.length; !(await isAnswered(request, turn)); turn++) await delay(retryMs)
      answered += 1
    }
  }

  async function isAnswered(request: CreateIntentRequest, turn: number): Promise<boolean> {
    return await replicas[turn % replicas.length]!.pay('ann', request).then(
      () => true,
      () => false,
    )
  }

  async function more(count: number, what: string): Promise<void> {
    const from = answered
    await until(() => answered >= from + count, what, 20_000)
  }

  it('each settle once, are debited and paid once, and are told of', async () => {
    const before = await replicas[0]!.available(purse.name)
    const paying = Object.values(kinds).map(payOn)
    for (const [name, part] of Object.entries(parts)) {
      await more(paymentsBetween, `payments before ${name} is killed`)
      await part.kill()
      await part.start()
    }
    await more(paymentsBetween, 'payments after all')
    isOver = true
    await Promise.all(paying)
    await until(
      async () => {
        await mesh.pool.query(`update intents set resume_after = now() where state in ('VALIDATED', 'AUTHORIZED')`)
        return (await mesh.intents()).every(isFinal)
      },
      'every payment is final',
      20_000,
    )
    await mesh.assertConserved()
    await told.assertOfEachMoveSince(valkeyBackMs)
    await assertEachOnce(before)
  })

  async function assertEachOnce(before: bigint): Promise<void> {
    const intents = new Map((await mesh.intents()).map((intent) => [intent.requestId, intent]))
    const made = requests.map(({ requestId }) => intents.get(requestId))
    assert.deepEqual([...new Set(made.map((intent) => intent?.status.state))], ['SETTLED'])
    assert.equal(intents.size, requests.length + 1, 'the payments and what funded the purse')
    let debited = 0n
    for (const request of requests) {
      const { message } = await replicas[0]!.pay('ann', request)
      debited += message.payerTotal!.minorUnits!
    }
    assert.equal(before - (await replicas[0]!.available(purse.name)), debited)
    const outside = made.flatMap((intent) => (intent?.payee.kind === 'external' ? [intent.id] : []))
    const paid = providers.flatMap(({ transfers }) => transfers.map(({ id }) => id))
    assert.deepEqual(paid.sort(), outside.sort())
    assert.equal((await mesh.pool.query('select from discrepancies')).rowCount, 0)
  }
})
