import fc from 'fast-check'
import type { Packet } from '../ilp/packet.js'

const buffer = (constraints: fc.IntArrayConstraints) => fc.uint8Array(constraints).map((bytes) => Buffer.from(bytes))
/** With the prototype that object literals have, which deep equality looks at. */
const plainRecord = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { noNullPrototype: true })
const hash = buffer({ minLength: 32, maxLength: 32 })
const data = fc.oneof(
  buffer({ maxLength: 200 }),
  fc.constantFrom(127, 128, 255, 256, 32_767).map((size) => Buffer.alloc(size, 7)),
)
const segment = fc.stringMatching(/^[A-Za-z0-9_~-]{1,12}$/)
const address = fc
  .tuple(
    fc.constantFrom('g', 'private', 'example', 'peer', 'self', 'test', 'test1', 'test2', 'test3', 'local'),
    fc.array(segment, { minLength: 1, maxLength: 5 }),
  )
  .map((parts) => parts.flat().join('.'))
const expiresAtMs = fc.integer({ min: Date.parse('0000-01-01T00:00:00Z'), max: Date.parse('9999-12-31T23:59:59.999Z') })

/** Every packet that there may be. */
export const anyPacket: fc.Arbitrary<Packet> = fc.oneof(
  plainRecord({
    type: fc.constant('prepare' as const),
    amount: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    expiresAtMs,
    condition: hash,
    destination: address,
    data,
  }),
  plainRecord({ type: fc.constant('fulfill' as const), fulfillment: hash, data }),
  plainRecord({
    type: fc.constant('reject' as const),
    code: fc.stringMatching(/^[FTR][0-9]{2}$/),
    triggeredBy: fc.oneof(fc.constant(''), address),
    message: fc.string({ unit: 'binary', maxLength: 100 }),
    data,
  }),
)
