import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import pg from 'pg'
import { testDatabase } from '../../../dev/testing.js'
import { CreatePeerRequest, GetPeerRequest, ListPeersRequest } from '../../../gen/paymesh/connector/v1/peer_service.js'
import { RpcError } from '../../runtime/rpc-error.js'
import { eventually } from '../../../dev/eventually.js'
import { startNode, type TestNode } from '../test/node.js'

type Request = Parameters<typeof CreatePeerRequest.fromPartial>[0]

const tokenOf = (peerId: string) => `token-of-${peerId}`.padEnd(32, '-')
const requestOf = (peerId: string): Request => ({
  peerId,
  peer: { assetCode: 'THB', assetScale: 2 },
  incomingToken: tokenOf(peerId),
})

describe('PeerService', () => {
  let url: string
  let node: TestNode

  beforeEach(async () => {
    url = await testDatabase('connector')
    node = await startNode(url)
  })
  afterEach(() => node.stop())

  const create = async (request: Request) =>
    (await node.client('operator').createPeer(CreatePeerRequest.fromPartial(request))).peer
  const list = (request: Parameters<typeof ListPeersRequest.fromPartial>[0]) =>
    node.client('operator').listPeers(ListPeersRequest.fromPartial(request))
  const get = (name: string) => node.client('operator').getPeer(GetPeerRequest.fromPartial({ name }))
  const errorOf = async (call: Promise<unknown>) => {
    try {
      await call
    } catch (error) {
      assert.ok(error instanceof RpcError)
      return error
    }
    return assert.fail('was answered')
  }

  it('creates a peer, and answers the same to the same request', async () => {
    const peer = await create(requestOf('alice'))
    assert.equal(peer?.name, 'peers/alice')
    assert.equal(peer.ilpAddress, 'test.paymesh.alice')
    assert.deepEqual([peer.assetCode, peer.assetScale], ['THB', 2])
    assert.ok(Math.abs(Number(peer.createTime?.seconds) - Date.now() / 1000) < 60)
    assert.deepEqual(await create(requestOf('alice')), peer)
    assert.deepEqual((await get('peers/alice')).peer, peer)
    assert.deepEqual((await list({})).peers, [peer])
  })

  it('creates one peer of many equal requests at once', async () => {
    const peers = await Promise.all(Array.from({ length: 20 }, () => create(requestOf('alice'))))
    for (const peer of peers) assert.deepEqual(peer, peers[0])
    assert.equal((await list({})).peers.length, 1)
  })

  it('gives one token to one of the peers that want it at once, and creates no other', async () => {
    const ids = ['a', 'b', 'c', 'd', 'e']
    const created = await Promise.allSettled(ids.map((id) => create({ ...requestOf(id), incomingToken: tokenOf('x') })))
    assert.equal(created.filter((result) => result.status === 'fulfilled').length, 1)
    for (const result of created) {
      if (result.status === 'rejected') assert.equal((result.reason as RpcError).reason, 'TOKEN_TAKEN')
    }
    assert.equal((await list({})).peers.length, 1)
  })

  it('fails by reason, in the order of the contract', async () => {
    await create(requestOf('alice'))
    await create(requestOf('bob'))
    const cases: [request: Request, code: status, reason: string][] = [
      [
        { ...requestOf('alice'), peer: { assetCode: 'USD', assetScale: 2 } },
        status.ALREADY_EXISTS,
        'PEER_EXISTS_DIFFERENT',
      ],
      [
        { ...requestOf('alice'), peer: { assetCode: 'THB', assetScale: 9 } },
        status.ALREADY_EXISTS,
        'PEER_EXISTS_DIFFERENT',
      ],
      [{ ...requestOf('alice'), incomingToken: tokenOf('new') }, status.ALREADY_EXISTS, 'PEER_EXISTS_DIFFERENT'],
      [{ ...requestOf('alice'), incomingToken: tokenOf('bob') }, status.ALREADY_EXISTS, 'PEER_EXISTS_DIFFERENT'],
      [{ ...requestOf('carol'), incomingToken: tokenOf('bob') }, status.ALREADY_EXISTS, 'TOKEN_TAKEN'],
    ]
    for (const [request, code, reason] of cases) {
      const error = await errorOf(create(request))
      assert.deepEqual([error.code, error.reason, error.domain], [code, reason, 'connector.paymesh'])
      assert.deepEqual(error.metadata, reason === 'TOKEN_TAKEN' ? {} : { peer: 'peers/alice' })
    }
    const absent = await errorOf(get('peers/carol'))
    assert.deepEqual([absent.code, absent.reason], [status.NOT_FOUND, 'PEER_NOT_FOUND'])
    assert.deepEqual(absent.metadata, { peer: 'peers/carol' })
  })

  it('refuses every malformed field by name', async () => {
    const peer = { assetCode: 'THB', assetScale: 2 }
    const cases: [field: string, call: () => Promise<unknown>][] = [
      ['peer_id', () => create({ ...requestOf('a'), peerId: '' })],
      ['peer_id', () => create({ ...requestOf('a'), peerId: 'a.b' })],
      ['peer_id', () => create({ ...requestOf('a'), peerId: '-a' })],
      ['peer_id', () => create({ ...requestOf('a'), peerId: 'a'.repeat(65) })],
      ['peer.asset_code', () => create({ ...requestOf('a'), peer: { ...peer, assetCode: 'thb' } })],
      ['peer.asset_scale', () => create({ ...requestOf('a'), peer: { assetCode: 'THB' } })],
      ['peer.asset_scale', () => create({ ...requestOf('a'), peer: { ...peer, assetScale: 256 } })],
      ['incoming_token', () => create({ ...requestOf('a'), incomingToken: 'x'.repeat(31) })],
      ['incoming_token', () => create({ ...requestOf('a'), incomingToken: 'x'.repeat(513) })],
      ['incoming_token', () => create({ ...requestOf('a'), incomingToken: `${'x'.repeat(40)} x` })],
      ['name', () => get('')],
      ['name', () => get('alice')],
      ['name', () => get('peers/a.b')],
      ['page_size', () => list({ pageSize: -1 })],
      ['page_size', () => list({ pageSize: 1001 })],
      ['page_token', () => list({ pageToken: 'garbage' })],
    ]
    for (const [field, call] of cases) {
      const error = await errorOf(call())
      assert.deepEqual([error.code, error.reason], [status.INVALID_ARGUMENT, 'INVALID_FIELD'], field)
      assert.deepEqual(
        error.fieldViolations.map((violation) => violation.field),
        [field],
      )
    }
  })

  it('lists by the bytes of the name, page after page', async () => {
    const ids = ['b', 'B', 'a', '0', 'Z~', 'a_b', 'a-b']
    for (const id of ids) await create(requestOf(id))
    const names: string[] = []
    let pageToken = ''
    do {
      const page = await list({ pageSize: 3, pageToken })
      assert.ok(page.peers.length > 0 && page.peers.length <= 3)
      names.push(...page.peers.map((peer) => peer.name))
      pageToken = page.nextPageToken
    } while (pageToken !== '')
    assert.deepEqual(
      names,
      ids.sort().map((id) => `peers/${id}`),
    )
  })

  it('stores the hash of a token and the token nowhere', async () => {
    await create(requestOf('alice'))
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    const { rows } = await client.query('select * from peers p join peer_tokens t using (peer_id)')
    await client.end()
    assert.equal(rows.length, 1)
    assert.ok(!JSON.stringify(rows).includes(tokenOf('alice')))
    assert.ok(!JSON.stringify(rows).includes(Buffer.from(tokenOf('alice')).toString('hex')))
  })

  // The first replica would poll only after a minute, so that what it learns it was told; the second hears of it at its
  // next poll at the latest.
  it('is in force on another replica without a restart', async () => {
    const [listening, polling] = await Promise.all([startNode(url, { pollIntervalMs: 60_000 }), startNode(url)])
    try {
      await create(requestOf('alice'))
      await eventually(() => listening.peers.findByToken(tokenOf('alice')) !== undefined)
      await eventually(() => polling.peers.findByToken(tokenOf('alice')) !== undefined)
      assert.equal(listening.peers.findByToken(tokenOf('bob')), undefined)
    } finally {
      await Promise.all([listening.stop(), polling.stop()])
    }
  })

  it('loads every peer, not the first page of them', async () => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query(
      `insert into peers (peer_id, asset_code, asset_scale) select 'p' || n, 'THB', 2 from generate_series(1, 2500) n`,
    )
    await client.query(
      `insert into peer_tokens (token_sha256, peer_id)
       select sha256(convert_to(rpad('token-of-p' || n, 32, '-'), 'UTF8')), 'p' || n from generate_series(1, 2500) n`,
    )
    await client.end()
    const restarted = await startNode(url)
    try {
      for (let n = 1; n <= 2500; n += 1) {
        assert.equal(restarted.peers.findByToken(tokenOf(`p${n}`))?.peerId, `p${n}`)
      }
    } finally {
      await restarted.stop()
    }
  })

  it('is for the edge and operators', async () => {
    for (const peer of ['intent', 'ledger'] as const) {
      const error = await errorOf(node.client(peer).listPeers(ListPeersRequest.fromPartial({})))
      assert.equal(error.code, status.PERMISSION_DENIED)
    }
    const anonymous = await errorOf(node.client('edge').listPeers(ListPeersRequest.fromPartial({})))
    assert.equal(anonymous.code, status.UNAUTHENTICATED)
  })
})
