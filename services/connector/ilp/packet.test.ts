import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { anyPacket } from '../test/packets.js'
import { decodeIldcpReply, encodeIldcpReply, peerProtocolCondition } from './ildcp.js'
import { PacketInvalidError } from './oer.js'
import { decodePacket, encodePacket, type Packet } from './packet.js'

const none = Buffer.alloc(0)
const zeroCondition = createHash('sha256').update(Buffer.alloc(32)).digest()
const maxPrepare: Packet = {
  type: 'prepare',
  amount: 2n ** 64n - 1n,
  expiresAtMs: Date.parse('2026-01-02T03:04:05.006Z'),
  condition: zeroCondition,
  destination: 'test.alice',
  data: none,
}

// Reproduced with ilp-packet, the JavaScript implementation of the protocol's authors.
const goldenVectors: [name: string, hex: string, packet: Packet][] = [
  [
    'a Prepare with data',
    '0c68000000000000006b323031373132323330313231343035343974e1136dc71c9e5f283bec83461cbf1261c4014f72d48f8dd65453a0b84e7de10d6578616d706c652e616c696365205db343fdc41898f6df4202329139dc242dd0f558a811b46b28918fdab37c6cb0',
    {
      type: 'prepare',
      amount: 107n,
      expiresAtMs: Date.parse('2017-12-23T01:21:40.549Z'),
      condition: Buffer.from('74e1136dc71c9e5f283bec83461cbf1261c4014f72d48f8dd65453a0b84e7de1', 'hex'),
      destination: 'example.alice',
      data: Buffer.from('5db343fdc41898f6df4202329139dc242dd0f558a811b46b28918fdab37c6cb0', 'hex'),
    },
  ],
  [
    'a Fulfill',
    '0d41c3866b48749ccf113b2e15c25d2407fbfc14476fe7296bb1bf1bcd9e6e41665020673febd78a33b28e1c0db14c9a06251a05fa831ed4ed91ebcd150e7249c2e600',
    {
      type: 'fulfill',
      fulfillment: Buffer.from('c3866b48749ccf113b2e15c25d2407fbfc14476fe7296bb1bf1bcd9e6e416650', 'hex'),
      data: Buffer.from('673febd78a33b28e1c0db14c9a06251a05fa831ed4ed91ebcd150e7249c2e600', 'hex'),
    },
  ],
  [
    'a Reject',
    '0e414630310e6578616d706c652e75732e626f62276d697373696e672064657374696e6174696f6e2e206c65646765723d6578616d706c652e75732e06000000041041',
    {
      type: 'reject',
      code: 'F01',
      triggeredBy: 'example.us.bob',
      message: 'missing destination. ledger=example.us.',
      data: Buffer.from('000000041041', 'hex'),
    },
  ],
  [
    'the largest amount',
    '0c45ffffffffffffffff323032363031303230333034303530303666687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f29250a746573742e616c69636500',
    maxPrepare,
  ],
  [
    'lengths in long form',
    `0c81c60000000000000001323032363031303230333034303530303666687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f29250a746573742e616c6963658180${'ab'.repeat(128)}`,
    { ...maxPrepare, amount: 1n, data: Buffer.alloc(128, 0xab) },
  ],
  [
    'F08 with its sixteen bytes',
    '0e2f46303809746573742e636f6e6e107061636b657420746f6f206c617267651000000000000003e800000000000001f4',
    {
      type: 'reject',
      code: 'F08',
      triggeredBy: 'test.conn',
      message: 'packet too large',
      data: Buffer.from('00000000000003e800000000000001f4', 'hex'),
    },
  ],
  [
    'the fulfill of peer protocols',
    `0d21${'00'.repeat(33)}`,
    { type: 'fulfill', fulfillment: Buffer.alloc(32), data: none },
  ],
  [
    'an ILDCP request',
    '0c460000000000000000323031353036313630303031303030303066687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f29250b706565722e636f6e66696700',
    {
      type: 'prepare',
      amount: 0n,
      expiresAtMs: Date.parse('2015-06-16T00:01:00.000Z'),
      condition: peerProtocolCondition,
      destination: 'peer.config',
      data: none,
    },
  ],
  [
    'an ILDCP answer',
    `0d35${'00'.repeat(32)}140e6578616d706c652e636c69656e740d0358414d`,
    {
      type: 'fulfill',
      fulfillment: Buffer.alloc(32),
      data: encodeIldcpReply({ address: 'example.client', assetScale: 13, assetCode: 'XAM' }),
    },
  ],
]

const prepareHex = (goldenVectors[3]?.[1] ?? '').slice(4)
const prepare = (edit: (body: string) => string) => {
  const body = Buffer.from(edit(prepareHex), 'hex')
  assert.ok(body.length < 128)
  return Buffer.concat([Buffer.of(12, body.length), body]).toString('hex')
}
const withExpiry = (text: string) =>
  prepare((body) => body.slice(0, 16) + Buffer.from(text).toString('hex') + body.slice(50))
const withDestination = (text: string) =>
  prepare(
    (body) =>
      `${body.slice(0, 114)}${Buffer.of(text.length).toString('hex')}${Buffer.from(text, 'latin1').toString('hex')}00`,
  )

describe('the packet codec', () => {
  for (const [name, hex, packet] of goldenVectors) {
    it(`agrees with the golden vector of ${name}`, () => {
      assert.deepEqual(decodePacket(Buffer.from(hex, 'hex')), packet)
      assert.equal(encodePacket(packet).toString('hex'), hex)
    })
  }

  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(anyPacket, (packet) => {
        assert.deepEqual(decodePacket(encodePacket(packet)), packet)
      }),
    )
  })

  it('ignores bytes after the last field and after the packet', () => {
    const inside = prepare((body) => `${body}ffff`)
    for (const hex of [inside, `${goldenVectors[3]?.[1] ?? ''}ffff`]) {
      assert.deepEqual(decodePacket(Buffer.from(hex, 'hex')), maxPrepare)
    }
  })

  it('refuses what is not a packet in canonical form', () => {
    const cases: [hex: string, problem: RegExp][] = [
      ['', /type ends before/],
      ['0c', /packet ends before/],
      ['0c02ff', /packet ends before/],
      ['0b0100', /type 11/],
      ['0c80', /odd form/],
      ['0cff' + '00'.repeat(127), /odd form/],
      ['0c8145' + prepareHex, /not canonical/],
      ['0c820045' + prepareHex, /not canonical/],
      ['0c84ffffffff', /over the most/],
      [prepare((body) => body.slice(0, -4)), /destination ends before|data ends before/],
      [withExpiry('20260230000000000'), /expiresAt/],
      [withExpiry('20260101240000000'), /expiresAt/],
      [withExpiry('20261301000000000'), /expiresAt/],
      [withExpiry('20260101006000000'), /expiresAt/],
      [withExpiry('20260101000060000'), /expiresAt/],
      [withExpiry('2026-01-01T00:00Z'), /expiresAt/],
      [withExpiry('+0260101000000000'), /expiresAt/],
      [withDestination(''), /destination is not/],
      [withDestination('test'), /destination is not/],
      [withDestination('test.'), /destination is not/],
      [withDestination('test..a'), /destination is not/],
      [withDestination('test.a b'), /destination is not/],
      [withDestination('elsewhere.a'), /destination is not/],
      [withDestination('test.ä'), /destination is not/],
      [withDestination('test.a\n'), /destination is not/],
      ['0e06583031000000', /code is not/],
      ['0e06463a31000000', /code is not/],
      ['0e074630310001ff00', /not UTF-8/],
      ['0e0746303101610000', /triggeredBy is not/],
    ]
    for (const [hex, problem] of cases) {
      assert.throws(
        () => decodePacket(Buffer.from(hex, 'hex')),
        (error) => error instanceof PacketInvalidError && problem.test(error.message),
        `${hex} against ${problem}`,
      )
    }
  })

  it('holds the bounds of every field when encoding', () => {
    const fulfill: Packet = { type: 'fulfill', fulfillment: Buffer.alloc(32), data: none }
    const reject: Packet = { type: 'reject', code: 'F00', triggeredBy: '', message: '', data: none }
    const atBounds: Packet[] = [
      { ...maxPrepare, destination: `g.${'a'.repeat(1021)}`, data: Buffer.alloc(32_767) },
      { ...fulfill, data: Buffer.alloc(32_767) },
      { ...reject, message: '\u{1f600}'.repeat(8191) },
      { ...maxPrepare, expiresAtMs: Date.parse('0000-01-01T00:00:00.000Z') },
      { ...maxPrepare, expiresAtMs: Date.parse('9999-12-31T23:59:59.999Z') },
    ]
    for (const packet of atBounds) assert.deepEqual(decodePacket(encodePacket(packet)), packet)
    const overBounds: Packet[] = [
      { ...maxPrepare, amount: 2n ** 64n },
      { ...maxPrepare, amount: -1n },
      { ...maxPrepare, destination: `g.${'a'.repeat(1022)}` },
      { ...maxPrepare, data: Buffer.alloc(32_768) },
      { ...maxPrepare, condition: Buffer.alloc(31) },
      { ...maxPrepare, expiresAtMs: Date.parse('9999-12-31T23:59:59.999Z') + 1 },
      { ...maxPrepare, expiresAtMs: Number.NaN },
      { ...maxPrepare, expiresAtMs: 0.5 },
      { ...fulfill, fulfillment: Buffer.alloc(33) },
      { ...reject, code: 'F1' },
      { ...reject, triggeredBy: 'nowhere' },
      { ...reject, message: 'a'.repeat(8192) },
      { ...reject, message: '\ud800' },
    ]
    for (const packet of overBounds) assert.throws(() => encodePacket(packet), PacketInvalidError)
  })

  it('throws nothing but its own error on any bytes, and re-encodes what it accepts to its own length or less', () => {
    const anyBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
    const nearlyPackets = fc
      .tuple(anyPacket, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }))
      .map(([packet, edits]) => {
        const bytes = encodePacket(packet)
        for (const [at, byte] of edits) bytes[at % Math.min(bytes.length, 80)] = byte
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(anyBytes, nearlyPackets), (bytes) => {
        let packet
        try {
          packet = decodePacket(bytes)
        } catch (error) {
          assert.ok(error instanceof PacketInvalidError, String(error))
          return
        }
        const again = encodePacket(packet)
        assert.ok(again.length <= bytes.length)
        assert.deepEqual(decodePacket(again), packet)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('the ILDCP codec', () => {
  it('decodes what it encodes, and refuses what ends early', () => {
    const reply = { address: 'test.paymesh.alice', assetScale: 255, assetCode: 'THB' }
    const data = encodeIldcpReply(reply)
    assert.deepEqual(decodeIldcpReply(data), reply)
    assert.throws(() => decodeIldcpReply(data.subarray(0, -1)), PacketInvalidError)
  })
})
