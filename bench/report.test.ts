import assert from 'node:assert/strict'
import { closedLoop } from './load.js'
import { median, percentile, rowOf } from './report.js'

describe('bench figures', () => {
  it('take the nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => index + 1)
    assert.equal(percentile(hundred, 0.99), 99)
    assert.equal(percentile(hundred, 0.5), 50)
    assert.equal(median([3, 1, 2]), 2)
  })

  it('are medians over runs', () => {
    const runs = [1, 5, 3].map((n) => ({ perSecond: n * 100, p50Ms: n, p99Ms: n * 10 }))
    assert.deepEqual(rowOf('x', 4, runs), { case: 'x', inFlight: 4, runs: 3, perSecond: 300, p50Ms: 3, p99Ms: 30 })
  })

  it('count each piece of work once and keep to the bound', async () => {
    const seen: number[] = []
    let underWay = 0
    let most = 0
    await closedLoop(20, 4, async (index) => {
      most = Math.max(most, ++underWay)
      await Promise.resolve()
      seen.push(index)
      underWay--
    })
    assert.deepEqual(
      seen.sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, index) => index),
    )
    assert.ok(most <= 4)
  })

  it('end with the first failure', async () => {
    await assert.rejects(
      closedLoop(10, 2, () => Promise.reject(new Error('no'))),
      /no/,
    )
  })
})
