import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { decodePacket, encodePacket } from '../connector/ilp/packet.js'
import { theMesh } from './mesh-under-test.js'

const CONDITION = Buffer.from('66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925', 'hex')

describe('POST /ilp', () => {
  const token = `token-${randomUUID()}-${randomUUID()}`
  let send: (body: Uint8Array, headers?: Record<string, string>) => Promise<Response>

  before(async () => {
    const mesh = await theMesh()
    await mesh.peers.createPeer({
      peerId: `p${randomUUID().slice(0, 8)}`,
      peer: { name: '', ilpAddress: '', assetCode: 'USD', assetScale: 2, createTime: undefined },
      incomingToken: token,
    })
    send = (body, headers = {}) =>
      fetch(`${mesh.api.url}/ilp`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream', ...headers },
        body,
      })
  })

  const prepare = (destination: string): Uint8Array =>
    encodePacket({
      type: 'prepare',
      amount: 0n,
      expiresAtMs: Date.now() + 30_000,
      condition: CONDITION,
      destination,
      data: Buffer.alloc(0),
    })

  it('answers ILDCP with a Fulfill', async () => {
    const mesh = await theMesh()
    const response = await mesh.until('the peer is known', async () => {
      const answer = await send(prepare('peer.config'))
      return answer.status === 200 ? answer : undefined
    })
    assert.equal(response.headers.get('content-type'), 'application/octet-stream')
    const reply = decodePacket(Buffer.from(await response.arrayBuffer()))
    assert.equal(reply.type, 'fulfill')
  })

  it('rejects what it has no route for with F02', async () => {
    const response = await send(prepare('test.nowhere.bob'))
    assert.equal(response.status, 200)
    const reply = decodePacket(Buffer.from(await response.arrayBuffer()))
    assert.ok(reply.type === 'reject')
    assert.equal(reply.code, 'F02')
  })

  it('answers a malformed body with 400, a wrong token with 401, another media type with 415', async () => {
    assert.equal((await send(Buffer.from('hello'))).status, 400)
    assert.equal((await send(prepare('peer.config'), { authorization: 'Bearer wrong' })).status, 401)
    assert.equal((await send(prepare('peer.config'), { 'content-type': 'application/json' })).status, 415)
  })
})
