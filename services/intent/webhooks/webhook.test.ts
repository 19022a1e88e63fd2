import assert from 'node:assert/strict'
import { knownEventTypes, retryDelayMs, retryPeriodMs, webhookId } from './webhook.js'

describe('retries of webhooks', () => {
  const hourMs = 3_600_000

  it('grow from seconds to hours and last three days, however the dice fall', () => {
    for (const [random, fewest, most] of [
      [0, 17, 22],
      [0.5, 14, 20],
      [0.999, 12, 17],
    ] as const) {
      let timeMs = 0
      let attempts = 1
      while (timeMs + retryDelayMs(attempts, random) <= retryPeriodMs) timeMs += retryDelayMs(attempts++, random)
      assert.ok(attempts >= fewest && attempts <= most, `${attempts} attempts at ${random}`)
      assert.ok(timeMs > 60 * hourMs, 'the last of them late on the third day')
    }
    assert.equal(retryDelayMs(1, 0.5), 5_000)
    assert.equal(retryDelayMs(2, 0.5), 15_000)
    assert.equal(retryDelayMs(1_000_000, 0.5), 8 * hourMs)
  })

  it('keep the id of an event, in letters that a signature can hold', () => {
    assert.equal(webhookId('0190b000-0000-7000-8000-000000010000.2'), 'evt_0190b000-0000-7000-8000-000000010000_2')
  })

  it('are of every state that an intent may reach', () => {
    assert.ok(knownEventTypes.has('paymesh.intent.settled.v1') && knownEventTypes.has('paymesh.intent.rejected.v1'))
    assert.ok(![...knownEventTypes].some((type) => /unspecified|unrecognized|created/.test(type)))
  })
})
