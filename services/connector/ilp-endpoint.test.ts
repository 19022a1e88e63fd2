import assert from 'node:assert/strict'
import type { ClientHttp2Session, OutgoingHttpHeaders } from 'node:http2'
import fc from 'fast-check'
import { testCertificates, testDatabase } from '../../dev/testing.js'
import { CreatePeerRequest } from '../../gen/paymesh/connector/v1/peer_service.js'
import { decodeIldcpReply, peerProtocolCondition, peerProtocolFulfillment } from './ilp/ildcp.js'
import { decodePacket, encodePacket, type Prepare } from './ilp/packet.js'
import { eventually } from '../../dev/eventually.js'
import { type HttpResponse, openSession, send, startNode, type TestNode } from './test/node.js'

const token = 'token-of-alice'.padEnd(32, '-')
const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' }
const nowMs = Date.parse('2026-01-02T03:04:05.006Z')
const ildcp: Prepare = {
  type: 'prepare',
  amount: 0n,
  expiresAtMs: nowMs + 30_000,
  condition: peerProtocolCondition,
  destination: 'peer.config',
  data: Buffer.alloc(0),
}

describe('POST /ilp', () => {
  let node: TestNode
  let session: ClientHttp2Session

  before(async () => {
    node = await startNode(await testDatabase('connector'), { nowMs: () => nowMs })
    const peer = { assetCode: 'THB', assetScale: 2 }
    const request = CreatePeerRequest.fromPartial({ peerId: 'alice', peer, incomingToken: token })
    await node.client('operator').createPeer(request)
    await eventually(() => node.peers.findByToken(token) !== undefined)
    session = openSession(node.httpPort, (await testCertificates()).of('edge'))
  })
  after(async () => {
    session.close()
    await node.stop()
  })

  const post = (prepare: Prepare) => send(session, headers, encodePacket(prepare))
  const assertRefusal = (response: HttpResponse, httpStatus: number, reason: string) => {
    assert.equal(response.status, httpStatus)
    assert.equal(response.headers['content-type'], 'application/json')
    const body = JSON.parse(response.body.toString()) as {
      message: string
      details: { reason: string; domain: string }[]
    }
    assert.deepEqual([body.details[0]?.reason, body.details[0]?.domain], [reason, 'connector.paymesh'])
    return body.message
  }

  it('answers ILDCP with the address and the asset of the peer, in the media type it was asked in', async () => {
    for (const type of ['application/octet-stream', 'application/ilp+octet-stream', 'Application/Octet-Stream; x=y']) {
      const response = await send(session, { ...headers, 'content-type': type }, encodePacket(ildcp))
      assert.equal(response.status, 200)
      assert.equal(response.headers['content-type'], type.split(';')[0]?.toLowerCase())
      const reply = decodePacket(response.body)
      assert.ok(reply.type === 'fulfill')
      assert.deepEqual(reply.fulfillment, peerProtocolFulfillment)
      assert.deepEqual(decodeIldcpReply(reply.data), {
        address: 'test.paymesh.alice',
        assetScale: 2,
        assetCode: 'THB',
      })
    }
  })

  it('rejects the rest by code, in the order of the packet path', async () => {
    const value = { ...ildcp, amount: 10n, condition: Buffer.alloc(32, 1), destination: 'test.paymesh.bob' }
    const cases: [prepare: Prepare, code: string, message: RegExp][] = [
      [{ ...ildcp, expiresAtMs: nowMs }, 'R02', /expired/],
      [{ ...value, expiresAtMs: nowMs - 1 }, 'R02', /expired/],
      [{ ...ildcp, condition: Buffer.alloc(32) }, 'F01', /condition/],
      [{ ...ildcp, amount: 1n }, 'F01', /amount/],
      [{ ...ildcp, destination: 'peer.settle' }, 'F02', /peer protocol/],
      [{ ...ildcp, destination: 'peer.config.more' }, 'F02', /peer protocol/],
      [value, 'F02', /no route/],
      [{ ...value, amount: 2n ** 64n - 1n, destination: 'g.elsewhere', data: Buffer.alloc(32_767) }, 'F02', /no route/],
    ]
    for (const [prepare, code, message] of cases) {
      const response = await post(prepare)
      assert.equal(response.status, 200)
      const reply = decodePacket(response.body)
      assert.ok(reply.type === 'reject')
      assert.deepEqual([reply.code, reply.triggeredBy, reply.data.length], [code, 'test.paymesh', 0])
      assert.match(reply.message, message)
    }
  })

  it('refuses what is no packet of a peer, in the order of the contract', async () => {
    const body = encodePacket(ildcp)
    const large = Buffer.alloc(40_001)
    const anonymous: OutgoingHttpHeaders = { 'content-type': 'text/plain' }
    assertRefusal(await send(session, { ...anonymous, ':path': '/ilp/x' }, large), 404, 'NO_SUCH_PATH')
    assertRefusal(await send(session, { ...headers, ':method': 'PUT' }, body), 404, 'NO_SUCH_PATH')
    const unauthenticated = await send(session, anonymous, large)
    assertRefusal(unauthenticated, 401, 'TOKEN_INVALID')
    assert.match(String(unauthenticated.headers['www-authenticate']), /^Bearer /)
    for (const authorization of [
      'Basic YTpi',
      'Bearer',
      'Bearer wrong',
      `Bearer ${token}x`,
      token,
      `Bearer ${token} x`,
    ]) {
      assertRefusal(await send(session, { ...headers, authorization }, body), 401, 'TOKEN_INVALID')
    }
    for (const type of ['text/plain', 'application/json', '']) {
      const response = await send(session, { ...headers, 'content-type': type }, large)
      assertRefusal(response, 415, 'UNSUPPORTED_MEDIA_TYPE')
    }
    assertRefusal(await send(session, headers, large), 413, 'BODY_TOO_LARGE')
    assertRefusal(await send(session, { ...headers, 'content-length': 40_001 }, large), 413, 'BODY_TOO_LARGE')
    assertRefusal(await send(session, { ...headers, 'content-length': 1_000_000_000 }), 413, 'BODY_TOO_LARGE')
  })

  it('answers 400 with the reason to bytes that are no Prepare', async () => {
    const fulfill = encodePacket({ type: 'fulfill', fulfillment: Buffer.alloc(32), data: Buffer.alloc(0) })
    assert.match(assertRefusal(await send(session, headers, fulfill), 400, 'PACKET_INVALID'), /fulfill is an answer/)
    assert.match(assertRefusal(await send(session, headers, Buffer.alloc(0)), 400, 'PACKET_INVALID'), /type ends/)
    const cut = encodePacket(ildcp).subarray(0, -1)
    assertRefusal(await send(session, headers, cut), 400, 'PACKET_INVALID')
  })

  it('never answers random bytes with a 5xx', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array)),
      fc.tuple(fc.nat(60), fc.integer({ min: 0, max: 255 })).map(([at, byte]) => {
        const packet = encodePacket(ildcp)
        packet[at] = byte
        return packet
      }),
    )
    await fc.assert(
      fc.asyncProperty(bytes, async (body) => {
        const response = await send(session, headers, body)
        assert.ok(response.status === 200 || response.status === 400, String(response.status))
        if (response.status === 200) decodePacket(response.body)
      }),
      { numRuns: 300 },
    )
  })

  it('answers many packets at once on one connection', async () => {
    const responses = await Promise.all(Array.from({ length: 200 }, () => post(ildcp)))
    assert.ok(responses.every(({ status }) => status === 200))
  })

  it('closes the connection of everyone but the edge before a request is read', async () => {
    const certificates = await testCertificates()
    for (const tls of [certificates.of('intent'), certificates.of('stranger'), certificates.foreignCa()]) {
      const other = openSession(node.httpPort, tls)
      await assert.rejects(send(other, headers, encodePacket(ildcp)))
      other.destroy()
    }
  })

  it('gives up on a request that does not arrive', async () => {
    await assert.rejects(send(session, headers), /no answer/)
    assert.equal((await post(ildcp)).status, 200)
  })
})
