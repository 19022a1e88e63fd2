import assert from 'node:assert/strict'
import { eventOf } from './event.js'
import { rejected, settled } from './intent.js'
import { exampleIntent, startMs } from './test/example-intent.js'

describe('the event of an intent', () => {
  it('is told of final states only', () => {
    assert.equal(eventOf(exampleIntent()), undefined)
  })

  it('is a CloudEvent with the outcome, amounts as decimal strings', () => {
    const intent = settled(exampleIntent({ metadata: { note: 'private' } }), startMs + 5)
    const text = eventOf(intent) ?? ''
    const { data, ...envelope } = JSON.parse(text) as { data: Record<string, unknown> }
    assert.deepEqual(envelope, {
      specversion: '1.0',
      id: `${intent.id}.2`,
      source: '/paymesh/intent',
      type: 'paymesh.intent.settled.v1',
      subject: `intents/${intent.id}`,
      time: '2026-01-02T03:04:05.683Z',
      datacontenttype: 'application/json',
    })
    assert.deepEqual(data['payerTotal'], { assetCode: 'THB', minorUnits: '10100' })
    assert.ok(!text.includes('private'))
  })

  it('says why a payment was rejected', () => {
    const failure = { reason: 'INSUFFICIENT_FUNDS', message: 'Not enough.' }
    const { data } = JSON.parse(eventOf(rejected(exampleIntent(), failure, startMs)) ?? '') as { data: unknown }
    assert.deepEqual((data as { failure: unknown }).failure, failure)
  })
})
