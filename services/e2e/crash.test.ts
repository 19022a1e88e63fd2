import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type Exit } from '../../dev/process.js'
import { type CrashPoint, crashPoints } from '../intent/crash-points.js'
import { type IntentJson, type Person, intentShape, newPerson, payment } from './api.js'
import { assertBooksBalance } from './books.js'
import { theMesh } from './mesh-under-test.js'
import { z } from 'zod'

const listShape = z.object({ intents: z.array(intentShape).default([]) })

/** Kills the Intent process for real, at every named point of the saga, and starts it again. */
describe('a payment whose Intent process is killed', function () {
  // Each test starts the process twice.
  this.timeout(60_000)

  let alice: Person
  let bob: Person

  before(async () => {
    const mesh = await theMesh()
    alice = await newPerson(mesh.api)
    bob = await newPerson(mesh.api)
    await mesh.operator.fund(alice.wallet, 10_000_00n)
  })

  /** Starts Intent so that it dies at the point, pays until it has died, and starts it again as it should be. */
  async function payAndDie(point: CrashPoint, requestId: string): Promise<void> {
    const mesh = await theMesh()
    // An event that is still to be published would have the process die before the payment.
    await mesh.untilOutboxEmpty()
    await mesh.services.intent.restart({ CRASH_AT: point })
    await mesh.untilServed(alice.api)
    let exit: Exit | undefined
    void mesh.services.intent.exited().then((ended) => (exit = ended))
    await mesh.until(`the process dies ${point}`, async () => {
      const answer = await alice.api.send('POST', '/v1/intents', payment(alice.wallet, bob.wallet, 10_00n, requestId))
      assert.ok([200, 503].includes(answer.status), `${answer.status} ${JSON.stringify(answer.body)}`)
      return exit
    })
    assert.equal(exit?.signal, 'SIGKILL')
    await mesh.services.intent.start({})
    await mesh.untilServed(alice.api)
  }

  // What becomes of a hold, of a limit whose cap was changed and of what a provider has is tested beside the service:
  // services/intent/test.
  for (const point of crashPoints.filter((each) => !/-(wish|burn|attempt|ask|queue|take|answer|report)$/.test(each))) {
    it(`at ${point} settles once after a restart`, async () => {
      const requestId = randomUUID()
      const before = await balances(alice, bob)
      await payAndDie(point, requestId)

      // The caller's retry; for a crash after the insert the resumer may have been first.
      const settled = await alice.api.pay(alice.wallet, bob.wallet, 10_00n, requestId)
      assert.equal(settled.state, 'INTENT_STATE_SETTLED')
      await assertMovedOnce(before, settled)
    })
  }

  it('and who does not ask again is finished by the resumer', async () => {
    const mesh = await theMesh()
    const before = await balances(alice, bob)
    await payAndDie('after-ledger', randomUUID())
    const newest = await mesh.until('the resumer settles the intent', async () => {
      const { body } = await alice.api.send('GET', '/v1/intents?pageSize=1')
      const [intent] = listShape.parse(body).intents
      return intent?.state === 'INTENT_STATE_SETTLED' ? intent : undefined
    })
    await assertMovedOnce(before, newest)
  })

  async function assertMovedOnce(before: Balances, intent: IntentJson): Promise<void> {
    const after = await balances(alice, bob)
    assert.equal(before.alice - after.alice, intent.payerTotal!.minorUnits)
    assert.equal(after.bob - before.bob, intent.payeeTotal!.minorUnits)
    await assertBooksBalance(await theMesh())
  }
})

interface Balances {
  readonly alice: bigint
  readonly bob: bigint
}

async function balances(alice: Person, bob: Person): Promise<Balances> {
  const [a, b] = await Promise.all([alice.api.wallet(alice.wallet), bob.api.wallet(bob.wallet)])
  return { alice: a.available.minorUnits, bob: b.available.minorUnits }
}
