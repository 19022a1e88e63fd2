import type pg from 'pg'
import type { ClientKey, KeyMaterial } from './client.js'

/** A row of `client_keys`. */
export interface KeyRow {
  id: string
  client_id: string
  algorithm: string
  public_key: Buffer | null
  wrapping_key_id: string | null
  sealed: Buffer | null
  request_hash: Buffer | null
  create_time: Date
  expire_time: Date | null
}

/** Which request something was made by. */
export interface RequestKey {
  readonly requestId: string
  /** SHA-256 of what was asked. */
  readonly requestHash: Buffer
}

/** Stores a key, and under which request it was made, if one that must be known again. */
export async function insertKey(
  connection: pg.ClientBase,
  { id, clientId, material, createTimeMs, expireTimeMs }: ClientKey,
  request: RequestKey | undefined,
): Promise<void> {
  const isSecret = material.algorithm === 'hmac-sha256'
  await connection.query({
    name: 'add-client-key',
    text: `insert into client_keys
        (id, client_id, algorithm, public_key, wrapping_key_id, sealed, request_id, request_hash, create_time, expire_time)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    values: [
      id,
      clientId,
      material.algorithm,
      isSecret ? null : material.publicKey,
      isSecret ? material.secret.keyId : null,
      isSecret ? material.secret.sealed : null,
      request?.requestId ?? null,
      request?.requestHash ?? null,
      new Date(createTimeMs),
      expireTimeMs === undefined ? null : new Date(expireTimeMs),
    ],
  })
}

/** A row as the key that it is. */
export function keyOf(row: KeyRow): ClientKey {
  return {
    id: row.id,
    clientId: row.client_id,
    material: materialOf(row),
    createTimeMs: row.create_time.getTime(),
    expireTimeMs: row.expire_time?.getTime(),
  }
}

function materialOf(row: KeyRow): KeyMaterial {
  if (row.public_key !== null) return { algorithm: 'ed25519', publicKey: row.public_key }
  if (row.wrapping_key_id === null || row.sealed === null) throw new Error(`the key ${row.id} has no material`)
  return { algorithm: 'hmac-sha256', secret: { keyId: row.wrapping_key_id, sealed: row.sealed } }
}
