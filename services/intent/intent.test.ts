import assert from 'node:assert/strict'
import { type IntentState, isFinal, newIntent, reachedMs, rejected, settled } from './intent.js'
import { exampleDecision, exampleIntent, exampleOrder, startMs } from './test/example-intent.js'

const failure = { reason: 'INSUFFICIENT_FUNDS', message: 'Not enough.' }
const key = { creator: 'users/ann', requestId: 'r', requestHash: Buffer.alloc(32) }
const draft = { id: '0190b000-0000-7000-8000-000000000000', order: exampleOrder(), key, decision: exampleDecision() }

describe('an intent', () => {
  it('is VALIDATED when it may happen', () => {
    const intent = newIntent({ ...draft, refusal: undefined }, startMs)
    assert.deepEqual(intent.status, { state: 'VALIDATED' })
    assert.deepEqual(
      intent.changes.map((change) => change.state),
      ['CREATED', 'VALIDATED'],
    )
    assert.equal(intent.version, 1)
    assert.equal(isFinal(intent), false)
  })

  it('is REJECTED at once when it may not', () => {
    const intent = newIntent({ ...draft, refusal: failure }, startMs)
    assert.deepEqual(intent.status, { state: 'REJECTED', failure })
    assert.equal(reachedMs(intent, 'VALIDATED'), undefined)
    assert.equal(isFinal(intent), true)
  })

  it('passes AUTHORIZED on its way to SETTLED, in one write', () => {
    const intent = settled(exampleIntent(), startMs + 5)
    assert.deepEqual(
      intent.changes.map((change) => change.state),
      ['CREATED', 'VALIDATED', 'AUTHORIZED', 'SETTLED'],
    )
    assert.equal(reachedMs(intent, 'SETTLED'), startMs + 5)
    assert.equal(intent.version, 2)
    assert.equal(isFinal(intent), true)
  })

  it('moves in no other way', () => {
    const in_ = (state: Exclude<IntentState, 'REJECTED'>) => exampleIntent({ status: { state } })
    const refused = exampleIntent({ status: { state: 'REJECTED', failure } })
    for (const intent of [in_('CREATED'), in_('AUTHORIZED'), in_('SETTLED'), refused]) {
      assert.throws(() => settled(intent, startMs), `${intent.status.state} settled`)
    }
    for (const intent of [in_('AUTHORIZED'), in_('SETTLED'), refused]) {
      assert.throws(() => rejected(intent, failure, startMs), `${intent.status.state} rejected`)
    }
  })
})
