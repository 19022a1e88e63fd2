// Large payments that several Rules nodes have to agree about, through the whole mesh.
import assert from 'node:assert/strict'
import { IntentState } from '../../../gen/paymesh/intent/v1/intent.js'
import { assertFails } from './assert-fails.js'
import { type TestMesh } from './mesh.js'
import { paymentRequest } from './payment-request.js'
import { type RulesProxy, startRulesProxy } from './rules-proxy.js'
import { sharedMesh } from './shared-mesh.js'

describe('payments that Rules nodes have to agree about', () => {
  let mesh: TestMesh
  let other: RulesProxy

  before(async function () {
    this.timeout(60_000)
    mesh = await sharedMesh()
    other = await startRulesProxy(mesh.rules.address)
  })
  after(() => other.stop())

  it('are made when they do, and not at all when one changes a fee', async () => {
    const quorum = { validatorAddresses: [other.address], size: 2, leastMinor: new Map([['THB', 5_000n]]) }
    const intent = await mesh.startIntent({ rulesQuorum: quorum })
    const [ann, ben] = [await intent.wallet('quorum-ann', 100_000n), await intent.wallet('quorum-ben')]
    const request = paymentRequest(ann, ben, 5_000n)
    other.answer = async (asked, real) => {
      const { results } = await real(asked)
      for (const { result } of results) {
        const fee = result?.$case === 'decision' ? result.decision.fees[0]?.amount : undefined
        if (fee !== undefined) fee.minorUnits = 1n
      }
      return { results }
    }
    const before = (await mesh.intents()).length
    await assertFails(intent.pay('quorum-ann', request), { reason: 'DEPENDENCY_UNAVAILABLE', code: 'UNAVAILABLE' })
    assert.equal((await mesh.intents()).length, before)
    assert.equal(await intent.available(ann.name), 100_000n)
    const small = await intent.pay('quorum-ann', paymentRequest(ann, ben, 4_999n))
    assert.equal(small.message.state, IntentState.SETTLED)
    other.answer = (asked, real) => real(asked)
    const { message } = await intent.pay('quorum-ann', request)
    assert.equal(message.state, IntentState.SETTLED)
    await mesh.assertConserved()
  }).timeout(30_000)
})
