import type { Pool, PoolClient } from 'pg'
import { transaction } from '../runtime/postgres.js'
import type { Peer } from './peer.js'

/** The channel on which replicas hear that peers changed. */
export const peersChannel = 'peers'

/** Rows read at once while all peers are loaded. */
const loadPageSize = 1000

interface PeerRow {
  peer_id: string
  asset_code: string
  asset_scale: number
  create_time: Date
}

const peerColumns = 'peer_id, asset_code, asset_scale, create_time'

export interface NewPeer {
  readonly peerId: string
  readonly assetCode: string
  readonly assetScale: number
  readonly tokenSha256: Buffer
}

export type InsertPeerOutcome =
  { readonly kind: 'created' | 'exists' | 'exists_different'; readonly peer: Peer } | { readonly kind: 'token_taken' }

/** Every peer by the tokens it may sign in with, as of one revision. */
export interface PeerTokens {
  readonly revision: bigint
  readonly tokens: readonly { readonly tokenSha256: Buffer; readonly peer: Peer }[]
}

/** Undoes the insert of a peer whose token is somebody else's. */
class TokenTakenError extends Error {}

/** Creates a peer with its first token, or says which peer is there. Of creators at the same time one creates. */
export async function insertPeer(pool: Pool, newPeer: NewPeer): Promise<InsertPeerOutcome> {
  try {
    return await transaction(pool, (client) => insertPeerIn(client, newPeer))
  } catch (error) {
    if (error instanceof TokenTakenError) return { kind: 'token_taken' }
    throw error
  }
}

async function insertPeerIn(client: PoolClient, newPeer: NewPeer): Promise<InsertPeerOutcome> {
  const { peerId, assetCode, assetScale, tokenSha256 } = newPeer
  const inserted = await client.query<PeerRow>(
    `insert into peers (peer_id, asset_code, asset_scale) values ($1, $2, $3)
     on conflict (peer_id) do nothing returning ${peerColumns}`,
    [peerId, assetCode, assetScale],
  )
  const [row] = inserted.rows
  if (row === undefined) return await compareWithExisting(client, newPeer)
  const token = await client.query(
    'insert into peer_tokens (token_sha256, peer_id) values ($1, $2) on conflict (token_sha256) do nothing',
    [tokenSha256, peerId],
  )
  if (token.rowCount === 0) throw new TokenTakenError()
  await client.query('update peers_revision set revision = revision + 1')
  await client.query('select pg_notify($1, $2)', [peersChannel, ''])
  return { kind: 'created', peer: peerOf(row) }
}

async function compareWithExisting(client: PoolClient, newPeer: NewPeer): Promise<InsertPeerOutcome> {
  const { rows } = await client.query<PeerRow & { has_token: boolean }>(
    `select ${peerColumns}, exists (
       select from peer_tokens t where t.peer_id = p.peer_id and t.token_sha256 = $2
     ) as has_token from peers p where peer_id = $1`,
    [newPeer.peerId, newPeer.tokenSha256],
  )
  const [row] = rows
  if (row === undefined) throw new Error(`peer ${newPeer.peerId} was neither inserted nor found`)
  const peer = peerOf(row)
  const isSame = row.has_token && peer.assetCode === newPeer.assetCode && peer.assetScale === newPeer.assetScale
  return { kind: isSame ? 'exists' : 'exists_different', peer }
}

export async function readPeer(pool: Pool, peerId: string): Promise<Peer | undefined> {
  const { rows } = await pool.query<PeerRow>(`select ${peerColumns} from peers where peer_id = $1`, [peerId])
  return rows[0] && peerOf(rows[0])
}

/** Peers in the order of their ids, beginning after one of them; at most `limit`. */
export async function readPeers(pool: Pool, afterPeerId: string, limit: number): Promise<readonly Peer[]> {
  const { rows } = await pool.query<PeerRow>(
    `select ${peerColumns} from peers where peer_id > $1 order by peer_id limit $2`,
    [afterPeerId, limit],
  )
  return rows.map(peerOf)
}

export async function readRevision(pool: Pool): Promise<bigint> {
  const { rows } = await pool.query<{ revision: bigint }>('select revision from peers_revision')
  const [row] = rows
  if (row === undefined) throw new Error('peers_revision has lost its row')
  return row.revision
}

/** Reads all peers, page by page, in one snapshot. */
export async function readPeerTokens(pool: Pool): Promise<PeerTokens> {
  return await transaction(pool, async (client) => {
    await client.query('set transaction isolation level repeatable read read only')
    const { rows } = await client.query<{ revision: bigint }>('select revision from peers_revision')
    const tokens: PeerTokens['tokens'][number][] = []
    let last: PeerTokens['tokens'][number] | undefined
    do {
      const page = await readTokenPage(client, last?.tokenSha256 ?? Buffer.alloc(0))
      tokens.push(...page)
      last = page.at(-1)
    } while (last !== undefined)
    return { revision: rows[0]?.revision ?? 0n, tokens }
  })
}

async function readTokenPage(client: PoolClient, afterSha256: Buffer): Promise<PeerTokens['tokens']> {
  const { rows } = await client.query<PeerRow & { token_sha256: Buffer }>(
    `select token_sha256, peer_id, asset_code, asset_scale, peers.create_time from peer_tokens join peers using (peer_id)
     where token_sha256 > $1 order by token_sha256 limit $2`,
    [afterSha256, loadPageSize],
  )
  return rows.map((row) => ({ tokenSha256: row.token_sha256, peer: peerOf(row) }))
}

function peerOf(row: PeerRow): Peer {
  return { peerId: row.peer_id, assetCode: row.asset_code, assetScale: row.asset_scale, createTime: row.create_time }
}
