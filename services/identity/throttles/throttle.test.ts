import assert from 'node:assert/strict'
import { delayMsAfter, throttleDaysMax, throttlePolicies, type ThrottlePolicy } from './throttle.js'

describe('delayMsAfter', () => {
  const policy: ThrottlePolicy = { kind: 'x', freeCount: 3, firstDelayMs: 1000, delayMsMax: 5000, forgetMs: 60_000 }

  it('is nothing at first, then doubles up to a bound', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 1_000_000].map((count) => delayMsAfter(count, policy))
    assert.deepEqual(delays, [0, 0, 1000, 2000, 4000, 5000, 5000, 5000])
  })

  it('is always forgotten later than it lasts', () => {
    for (const { delayMsMax, forgetMs } of throttlePolicies) {
      assert.ok(forgetMs > delayMsMax)
      assert.ok(throttleDaysMax * 86_400_000 > forgetMs)
    }
  })
})
