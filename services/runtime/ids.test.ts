import assert from 'node:assert/strict'
import fc from 'fast-check'
import { systemClock } from './clock.js'
import { bigintToUuid, fromUint128, systemRandom, toUint128, uuidToBigint, uuidV5ToUint128, uuidV7 } from './ids.js'

const uint128 = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n })

describe('uuidV7', () => {
  const zeros = (size: number) => new Uint8Array(size)

  it('begins with the clock’s milliseconds and says that it is a version 7', () => {
    const uuid = uuidV7({ nowMs: () => 0x0123456789ab, nowNs: () => 0n }, zeros)
    assert.match(uuid, /^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('sorts by time', () => {
    const ids = [1, 2, 1000, 1_800_000_000_000].map((nowMs) => {
      return uuidV7({ nowMs: () => nowMs, nowNs: () => 0n }, systemRandom)
    })
    assert.deepEqual(ids, [...ids].sort())
  })

  it('does not repeat itself', () => {
    const ids = new Set(Array.from({ length: 10_000 }, () => uuidV7(systemClock, systemRandom)))
    assert.equal(ids.size, 10_000)
  })
})

describe('uuidV5ToUint128', () => {
  it('is UUIDv5 of the name in UUIDv5 of the namespace', () => {
    // Worked out apart, with Python's uuid: uuid5(uuid5(UUID(int=0), 'paymesh'), 'accounts/transit.THB').
    assert.equal(
      bigintToUuid(uuidV5ToUint128('paymesh', 'accounts/transit.THB')),
      '027ee000-5e18-5726-ba02-8fd2cf9f1c71',
    )
  })

  it('depends on the namespace', () => {
    assert.notEqual(uuidV5ToUint128('paymesh', 'a'), uuidV5ToUint128('other', 'a'))
  })
})

describe('128-bit integers', () => {
  it('go through the message and back', () => {
    fc.assert(fc.property(uint128, (value) => fromUint128(toUint128(value)) === value))
    assert.equal(fromUint128(undefined), 0n)
  })

  it('go through UUID text and back', () => {
    const uuid = '0190a5d4-1234-7abc-8def-0123456789ab'
    assert.equal(bigintToUuid(uuidToBigint(uuid)), uuid)
    assert.equal(bigintToUuid(1n), '00000000-0000-0000-0000-000000000001')
  })

  for (const value of [-1n, 1n << 128n]) {
    it(`refuse ${value}`, () => {
      assert.throws(() => toUint128(value), RangeError)
      assert.throws(() => bigintToUuid(value), RangeError)
    })
  }

  it('refuse text that is no UUID', () => {
    assert.throws(() => uuidToBigint('0190a5d4'), TypeError)
  })
})

describe('systemRandom', () => {
  it('never gives the same bytes twice, also across its pool’s end', () => {
    const seen = new Set<string>()
    for (let round = 0; round < 2000; round += 1) seen.add(Buffer.from(systemRandom(16)).toString('hex'))
    assert.equal(seen.size, 2000)
    assert.equal(systemRandom(10_000).length, 10_000)
  })
})

describe('systemClock', () => {
  it('tells nanoseconds that move forward and agree with the milliseconds', () => {
    let last = 0n
    for (let round = 0; round < 1000; round += 1) {
      const now = systemClock.nowNs()
      assert.ok(now >= last)
      last = now
    }
    assert.ok(Math.abs(Number(last / 1_000_000n) - systemClock.nowMs()) <= 3)
  })
})
