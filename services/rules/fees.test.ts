import assert from 'node:assert/strict'
import fc from 'fast-check'
import { bpsHalfEven } from './amounts.js'
import { int64Max } from './facts.js'
import { feeAmountMinor } from './fees.js'

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

  const tiers = [
    { up_to_minor: 1000n, flat_minor: 5n, bps: 100 },
    { up_to_minor: 10_000n, flat_minor: 1n, bps: 50 },
    { flat_minor: 0n, bps: 25 },
  ]
  const bounds = { flat_minor: 0n, bps: 0, min_minor: 0n, max_minor: int64Max }

  it('prices the whole amount by the tier that it is in', () => {
    const rule = { ...bounds, tiers, tier_mode: 'WHOLE' as const }
    const cases: [amountMinor: bigint, feeMinor: bigint][] = [
      [1000n, 15n],
      [1001n, 6n], // 1 + 5.005
      [10_000n, 51n],
      [10_001n, 25n], // 25.0025
      [1_000_000n, 2500n],
    ]
    for (const [amountMinor, feeMinor] of cases) assert.equal(feeAmountMinor(rule, amountMinor), feeMinor)
  })

  it('prices each part by its own tier when graduated, and rounds once', () => {
    const rule = { ...bounds, tiers, tier_mode: 'GRADUATED' as const }
    const cases: [amountMinor: bigint, feeMinor: bigint][] = [
      [1000n, 15n],
      [1001n, 16n], // 5 + 1 + 10.005
      [1300n, 18n], // 5 + 1 + 11.5: the tie goes to 12
      [10_000n, 61n], // 5 + 1 + 10 + 45
      [1_000_000n, 2536n],
    ]
    for (const [amountMinor, feeMinor] of cases) assert.equal(feeAmountMinor(rule, amountMinor), feeMinor)
  })

  it('grows with the amount when graduated, never faster than its highest rate', () => {
    const rule = {
      ...bounds,
      tiers: tiers.map((tier) => ({ ...tier, flat_minor: 0n })),
      tier_mode: 'GRADUATED' as const,
    }
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: 100_000n }),
        fc.bigInt({ min: 1n, max: 1000n }),
        (amountMinor, moreMinor) => {
          const grownMinor = feeAmountMinor(rule, amountMinor + moreMinor) - feeAmountMinor(rule, amountMinor)
          assert.ok(grownMinor >= 0n && grownMinor <= bpsHalfEven(moreMinor, 100) + 1n)
        },
      ),
    )
  })
})
