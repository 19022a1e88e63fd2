import type pg from 'pg'
import { transaction } from '../../runtime/postgres.js'
import { type Client, type ClientKey, keysMax } from './client.js'
import { insertKey, keyOf, type KeyRow, type RequestKey } from './client-key-row.js'
import { clientOf, type ClientRow } from './client-row.js'

/** What became of adding a key. `exists`: the request, or the public key, was there before. */
export type KeyAdded =
  | { readonly kind: 'added'; readonly key: ClientKey }
  | { readonly kind: 'exists'; readonly key: ClientKey; readonly requestHash: Buffer | undefined }
  | { readonly kind: 'no-client' }
  | { readonly kind: 'too-many' }

export class ClientKeyStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** The keys of these clients, oldest first, those that ended among them. */
  async list(clientIds: readonly string[]): Promise<ClientKey[]> {
    const { rows } = await this.#pool.query<KeyRow>({
      name: 'list-client-keys',
      text: 'select * from client_keys where client_id = any ($1) order by client_id, id',
      values: [clientIds],
    })
    return rows.map(keyOf)
  }

  /** A key and its client, in one query: it is asked for with every signed request. */
  async findWithClient(
    ids: Pick<ClientKey, 'clientId' | 'id'>,
  ): Promise<{ client: Client; key: ClientKey } | undefined> {
    const { rows } = await this.#pool.query<KeyRow & Omit<ClientRow, 'id'> & { client_create_time: Date }>({
      name: 'find-client-key',
      text: `select k.*, c.display_name, c.permissions, c.may_act_for, c.networks, c.disabled, c.revision,
          c.create_time as client_create_time
        from client_keys k join clients c on c.id = k.client_id where k.id = $1 and c.id = $2`,
      values: [ids.id, ids.clientId],
    })
    const [row] = rows
    return (
      row && { client: clientOf({ ...row, id: row.client_id, create_time: row.client_create_time }), key: keyOf(row) }
    )
  }

  /** Adds a secret and ends those before it at `endMs`, or when they end anyway; answers the key of an earlier such request. */
  async rotate(key: ClientKey, request: RequestKey, endMs: number): Promise<KeyAdded> {
    return await this.#add(key, request, async (connection) => {
      await connection.query({
        name: 'end-secrets',
        text: `update client_keys set expire_time = $3
          where client_id = $1 and id <> $2 and algorithm = 'hmac-sha256' and (expire_time is null or expire_time > $3)`,
        values: [key.clientId, key.id, new Date(endMs)],
      })
    })
  }

  /** Adds a public key, unless the client has it. */
  async add(key: ClientKey): Promise<KeyAdded> {
    return await this.#add(key, undefined, () => Promise.resolve())
  }

  async #add(
    key: ClientKey,
    request: RequestKey | undefined,
    then: (connection: pg.ClientBase) => Promise<void>,
  ): Promise<KeyAdded> {
    return await transaction(this.#pool, async (connection) => {
      // One change of a client's keys at a time: of two rotations the later one must see, and end, the secret of the other.
      const { rowCount } = await connection.query('select from clients where id = $1 for no key update', [key.clientId])
      if (rowCount !== 1) return { kind: 'no-client' }
      const found = await findSame(connection, key, request)
      if (found !== undefined) return found
      if ((await countKeys(connection, key)) >= keysMax) return { kind: 'too-many' }
      await insertKey(connection, key, request)
      await then(connection)
      return { kind: 'added', key }
    })
  }

  /** Whether there was such a key to remove. */
  async remove({ clientId, id }: Pick<ClientKey, 'clientId' | 'id'>): Promise<boolean> {
    const { rowCount } = await this.#pool.query({
      name: 'remove-client-key',
      text: 'delete from client_keys where client_id = $1 and id = $2',
      values: [clientId, id],
    })
    return rowCount === 1
  }

  /** Deletes at most `countMax` keys that ended 30 days ago. */
  async deleteExpired(nowMs: number, countMax: number): Promise<number> {
    const { rowCount } = await this.#pool.query(
      `delete from client_keys where id in (select id from client_keys
        where expire_time < $1::timestamptz - interval '30 days' limit $2 for update skip locked)`,
      [new Date(nowMs), countMax],
    )
    return rowCount ?? 0
  }
}

async function findSame(
  connection: pg.ClientBase,
  { clientId, material }: ClientKey,
  request: RequestKey | undefined,
): Promise<KeyAdded | undefined> {
  const { rows } = await connection.query<KeyRow>({
    name: 'find-same-client-key',
    text: 'select * from client_keys where client_id = $1 and (request_id = $2 or public_key = $3)',
    values: [clientId, request?.requestId ?? null, material.algorithm === 'ed25519' ? material.publicKey : null],
  })
  const [row] = rows
  return row && { kind: 'exists', key: keyOf(row), requestHash: row.request_hash ?? undefined }
}

async function countKeys(connection: pg.ClientBase, { clientId, createTimeMs }: ClientKey): Promise<number> {
  const { rows } = await connection.query<{ count: number }>({
    name: 'count-client-keys',
    text: `select count(*)::int as count from client_keys
      where client_id = $1 and (expire_time is null or expire_time > $2)`,
    values: [clientId, new Date(createTimeMs)],
  })
  return rows[0]?.count ?? 0
}
