import assert from 'node:assert/strict'
import fc from 'fast-check'
import { int64Max } from './facts.js'
import { bpsHalfEven, feeAmountMinor } from './fees.js'

describe('fees', () => {
  it('rounds a share half to even', () => {
    const cases: [amountMinor: bigint, bps: number, shareMinor: bigint][] = [
      [10_000n, 25, 25n],
      [200n, 25, 0n], // 0.5 goes to 0
      [600n, 25, 2n], // 1.5 goes to 2
      [1000n, 25, 2n], // 2.5 goes to 2
      [1001n, 25, 3n], // 2.5025 goes to 3
      [199n, 25, 0n],
      [int64Max, 10_000, int64Max],
    ]
    for (const [amountMinor, bps, shareMinor] of cases) {
      assert.equal(bpsHalfEven(amountMinor, bps), shareMinor, `${amountMinor} at ${bps} bps`)
    }
  })

  it('is never off by more than half a minor unit, over the whole range of int64', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: int64Max }), fc.integer({ min: 0, max: 10_000 }), (amountMinor, bps) => {
        const errorTimesTenThousand = bpsHalfEven(amountMinor, bps) * 10_000n - amountMinor * BigInt(bps)
        assert.ok(errorTimesTenThousand <= 5000n && errorTimesTenThousand >= -5000n)
      }),
    )
  })

  it('holds flat part and share together between the bounds', () => {
    const rule = { flat_minor: 10n, bps: 100, min_minor: 50n, max_minor: 500n }
    assert.equal(feeAmountMinor(rule, 100n), 50n)
    assert.equal(feeAmountMinor(rule, 10_000n), 110n)
    assert.equal(feeAmountMinor(rule, 1_000_000n), 500n)
  })
})
