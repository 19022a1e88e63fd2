import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { SimulatedProvider } from '../intent/test/simulated-provider.js'
import { errorInfo, intentShape, newPerson, type Person } from './api.js'
import { type MeshUnderTest, theMesh } from './mesh-under-test.js'

describe('a provider’s callback through the edge', function () {
  this.timeout(60_000)
  let mesh: MeshUnderTest
  let alice: Person
  let provider: SimulatedProvider

  before(async () => {
    mesh = await theMesh()
    provider = await SimulatedProvider.start()
    provider.behave({ behaviour: 'undecided' })
    alice = await newPerson(mesh.api)
    await mesh.services.intent.restart(provider.environment)
    await mesh.untilServed(alice.api)
    await mesh.operator.fund(alice.wallet, 100_000n)
  })
  after(async () => {
    await provider.stop()
    await mesh.services.intent.restart()
    await mesh.untilServed(alice.api)
  })

  function send(body: Buffer | string, headers: Record<string, string>, name = 'ipps') {
    return mesh.api.send('POST', `/v1/providers/${name}/callbacks`, body.toString(), headers)
  }

  it('is read from its very bytes, and settles the payment', async () => {
    const bankAccount = { bankCode: '004', accountNumber: '1234567890' }
    const order = {
      operationType: 'IPPS_WITHDRAWAL',
      payer: { wallet: alice.wallet },
      payee: { external: { bankAccount } },
      amount: { assetCode: 'THB', minorUnits: '10000' },
    }
    const request = { requestId: randomUUID(), intent: order }
    const paid = await alice.api.ok('POST', '/v1/intents', request, 'intent', intentShape)
    assert.equal(paid.state, 'INTENT_STATE_AUTHORIZED')
    const transfer = provider.transfer(paid.name.slice('intents/'.length))
    provider.decide(transfer.id, 'SETTLED')
    // Spaces, an escape and an unknown field, as no reading and writing again would leave them.
    const { headers, body } = provider.callback(transfer.id, { reason: 'ก' })
    const odd = body.toString().replace('{', '{ \n"\\u0061": 1e2,  ')
    const refused = await send(odd, headers)
    assert.equal(refused.status, 401)
    assert.equal(errorInfo(refused).reason, 'CALLBACK_NOT_SIGNED')
    const answer = await send(odd, provider.sign(headers['webhook-id'] ?? '', odd).headers)
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    assert.deepEqual(answer.body, {})
    assert.equal((await alice.api.intent(paid.name)).state, 'INTENT_STATE_SETTLED')
  })

  it('of nobody is answered 404, and one that is too long 413', async () => {
    const nobody = await send('{}', {}, 'nobody')
    assert.equal(errorInfo(nobody).reason, 'PROVIDER_NOT_FOUND')
    assert.equal(nobody.status, 404)
    assert.equal((await send('x'.repeat(65_537), {})).status, 413)
  })
})
