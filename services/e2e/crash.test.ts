import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { crashPoints } from '../intent/crash-points.js'
import { type Person, intentShape, newPerson, payment } from './api.js'
import { assertBooksBalance } from './books.js'
import { theMesh } from './mesh-under-test.js'
import { z } from 'zod'

const listShape = z.object({ intents: z.array(intentShape).default([]) })

/** Kills the Intent process for real, at every named point of the saga, and starts it again. */
describe('a payment whose Intent process is killed', () => {
  let alice: Person
  let bob: Person

  before(async () => {
    const mesh = await theMesh()
    alice = await newPerson(mesh.api)
    bob = await newPerson(mesh.api)
    await mesh.operator.fund(alice.wallet, 10_000_00n)
  })

  for (const point of crashPoints) {
    it(`at ${point} settles once after a restart`, async () => {
      const mesh = await theMesh()
      const requestId = randomUUID()
      const before = await balances(alice, bob)
      await mesh.services.intent.restart({ CRASH_AT: point })
      await mesh.untilServed(alice.api)

      const killed = mesh.services.intent.exited()
      const answer = await alice.api.send('POST', '/v1/intents', payment(alice.wallet, bob.wallet, 10_00n, requestId))
      assert.ok([200, 503].includes(answer.status), `${answer.status} ${JSON.stringify(answer.body)}`)
      assert.equal((await killed).signal, 'SIGKILL', 'the process was to die at this point')
      await mesh.services.intent.start({})
      await mesh.untilServed(alice.api)

      // The caller's retry; for a crash after the insert the resumer may have been first.
      const settled = await alice.api.pay(alice.wallet, bob.wallet, 10_00n, requestId)
      assert.equal(settled.state, 'INTENT_STATE_SETTLED')
      const after = await balances(alice, bob)
      assert.equal(before.alice - after.alice, settled.payerTotal!.minorUnits)
      assert.equal(after.bob - before.bob, settled.payeeTotal!.minorUnits)
      await assertBooksBalance(mesh)
    })
  }

  it('and who does not ask again is finished by the resumer', async () => {
    const mesh = await theMesh()
    await mesh.services.intent.restart({ CRASH_AT: 'after-ledger' })
    await mesh.untilServed(alice.api)
    const before = await balances(alice, bob)
    const killed = mesh.services.intent.exited()
    await alice.api.send('POST', '/v1/intents', payment(alice.wallet, bob.wallet, 10_00n))
    assert.equal((await killed).signal, 'SIGKILL')
    await mesh.services.intent.start({})
    await mesh.untilServed(alice.api)

    const newest = await mesh.until('the resumer settles the intent', async () => {
      const { body } = await alice.api.send('GET', '/v1/intents?pageSize=1')
      const [intent] = listShape.parse(body).intents
      return intent?.state === 'INTENT_STATE_SETTLED' ? intent : undefined
    })
    const after = await balances(alice, bob)
    assert.equal(before.alice - after.alice, newest.payerTotal!.minorUnits)
    await assertBooksBalance(mesh)
  })
})

async function balances(alice: Person, bob: Person): Promise<{ alice: bigint; bob: bigint }> {
  const [a, b] = await Promise.all([alice.api.wallet(alice.wallet), bob.api.wallet(bob.wallet)])
  return { alice: a.available.minorUnits, bob: b.available.minorUnits }
}
