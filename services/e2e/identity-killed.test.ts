import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type IntentJson, intentShape, newPerson, type Person, signIn } from './api.js'
import { assertBooksBalance } from './books.js'
import { type MeshUnderTest, theMesh } from './mesh-under-test.js'

const paymentsMeanwhile = 8

/** Who is signed in pays on: nobody asks Identity for a payment. */
describe('payments while Identity is killed', function () {
  this.timeout(60_000)
  let mesh: MeshUnderTest
  let alice: Person
  let bob: Person
  const paid: IntentJson[] = []
  let isOver = false

  before(async () => {
    mesh = await theMesh()
    alice = await newPerson(mesh.api)
    bob = await newPerson(mesh.api)
    await mesh.operator.fund(alice.wallet, 1_000_000_00n)
  })

  function payees(): Readonly<Record<string, object>> {
    const qrPayload = '00020101021129370016A000000677010111011300668012345675802TH530376463046197'
    return {
      P2P_TRANSFER: { wallet: bob.wallet },
      IPPS_WITHDRAWAL: { external: { bankAccount: { bankCode: '004', accountNumber: '1110009002' } } },
      THAI_QR_PAY: { external: { qrPayload } },
      QP_TOPUP: { external: { accountNumber: '+66812345678' } },
    }
  }

  async function payOn([operationType, payee]: [string, object]): Promise<void> {
    while (!isOver) {
      const amount = { assetCode: 'THB', minorUnits: '1000' }
      const order = { operationType, payer: { wallet: alice.wallet }, payee, amount }
      const request = { requestId: randomUUID(), intent: order }
      paid.push(await alice.api.ok('POST', '/v1/intents', request, 'intent', intentShape))
    }
  }

  async function more(what: string): Promise<void> {
    const from = paid.length
    await mesh.until(what, () => Promise.resolve(paid.length >= from + paymentsMeanwhile || undefined))
  }

  it('of every channel settle once, and people sign in again when it is back', async () => {
    const before = (await alice.api.wallet(alice.wallet)).available.minorUnits
    const [email, password] = [`${randomUUID()}@example.com`, `pass ${randomUUID()}`]
    await mesh.api.ok('POST', '/v1/users', { user: { email }, password }, 'user', intentShape.pick({ name: true }))
    const paying = Object.entries(payees()).map(payOn)
    await more('payments before')
    await mesh.services.identity.kill()
    await more('payments meanwhile')
    assert.equal((await mesh.api.send('POST', '/v1/sessions', { email, password })).status, 503)
    await mesh.services.identity.start()
    await mesh.until('people sign in again', () => signIn(mesh.api, email, password).catch(() => undefined))
    await more('payments afterwards')
    isOver = true
    await Promise.all(paying)
    let debited = 0n
    for (const { name } of paid) {
      const settled = await mesh.until(`${name} is settled`, async () => {
        const intent = await alice.api.intent(name)
        return intent.state === 'INTENT_STATE_SETTLED' ? intent : undefined
      })
      debited += settled.payerTotal!.minorUnits
    }
    assert.equal(before - (await alice.api.wallet(alice.wallet)).available.minorUnits, debited)
    assert.deepEqual(new Set(paid.map(({ operationType }) => operationType)), new Set(Object.keys(payees())))
    await assertBooksBalance(mesh)
  })
})
