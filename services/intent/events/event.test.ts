import assert from 'node:assert/strict'
import { eventsOf } from './event.js'
import { rejected, settled } from '../intents/intent.js'
import { exampleIntent, startMs } from '../test/example-intent.js'

describe('the events of an intent', () => {
  const typesOf = (events: object[]) => events.map((event) => 'type' in event && event.type)

  it('are one for each move', () => {
    const intent = settled(exampleIntent(), startMs + 5)
    assert.deepEqual(typesOf(eventsOf(intent, 1)), [
      'paymesh.intent.validated.v1',
      'paymesh.intent.authorized.v1',
      'paymesh.intent.settled.v1',
    ])
    assert.deepEqual(typesOf(eventsOf(intent, 3)), ['paymesh.intent.settled.v1'])
  })

  it('are CloudEvents with the outcome, amounts as decimal strings', () => {
    const intent = settled(exampleIntent({ metadata: { note: 'private' } }), startMs + 5)
    const text = JSON.stringify(eventsOf(intent, 3)[0])
    const { data, ...envelope } = JSON.parse(text) as { data: Record<string, unknown> }
    assert.deepEqual(envelope, {
      specversion: '1.0',
      id: `${intent.id}.3`,
      source: '/paymesh/intent',
      type: 'paymesh.intent.settled.v1',
      subject: `intents/${intent.id}`,
      time: '2026-01-02T03:04:05.683Z',
      datacontenttype: 'application/json',
    })
    assert.deepEqual(data['payerTotal'], { assetCode: 'THB', minorUnits: '10100' })
    assert.ok(!text.includes('private'))
  })

  it('of a part that settled say the part', () => {
    const held = exampleIntent({ status: { state: 'AUTHORIZED' }, holdSeconds: 60, captureMinor: 4_000n })
    const [event] = eventsOf(settled(held, startMs), 2)
    const { data } = JSON.parse(JSON.stringify(event)) as { data: Record<string, unknown> }
    assert.deepEqual(data['payeeTotal'], { assetCode: 'THB', minorUnits: '3950' })
  })

  it('say why a payment was rejected', () => {
    const failure = { reason: 'INSUFFICIENT_FUNDS', message: 'Not enough.' }
    const [validated, refused] = eventsOf(rejected(exampleIntent(), failure, startMs), 1)
    const dataOf = (event: unknown) => (event as { data: { state: string; failure?: unknown } }).data
    assert.deepEqual([dataOf(validated).state, dataOf(validated).failure], ['VALIDATED', undefined])
    assert.deepEqual([dataOf(refused).state, dataOf(refused).failure], ['REJECTED', failure])
  })
})
