import type pg from 'pg'
import { transaction } from '../../runtime/postgres.js'
import type { Client, ClientKey, ClientProperties } from './client.js'
import { insertKey, type RequestKey } from './client-key-row.js'
import { clientOf, type ClientRow } from './client-row.js'

/** What an administrator changes; undefined leaves it as it is. */
export type ClientChange = { readonly [Name in keyof ClientProperties]: ClientProperties[Name] | undefined }

export type ClientCreated =
  { readonly kind: 'created' } | { readonly kind: 'taken'; readonly winner: Client; readonly requestHash: Buffer }

export class ClientStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** Stores a client and its first key, unless the creator used the request id before. */
  async create(client: Client, first: ClientKey, creator: string, request: RequestKey): Promise<ClientCreated> {
    const isCreated = await transaction(this.#pool, async (connection) => {
      const { rowCount } = await connection.query({
        name: 'create-client',
        text: `insert into clients
            (id, creator, request_id, request_hash, display_name, permissions, may_act_for, networks, create_time)
          values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
          on conflict (creator, request_id) do nothing`,
        values: [
          client.id,
          creator,
          request.requestId,
          request.requestHash,
          client.displayName,
          client.permissions,
          client.mayActFor,
          client.networks,
          new Date(client.createTimeMs),
        ],
      })
      if (rowCount !== 1) return false
      await insertKey(connection, first, undefined)
      return true
    })
    return isCreated ? { kind: 'created' } : await this.#winner(creator, request.requestId)
  }

  async #winner(creator: string, requestId: string): Promise<ClientCreated> {
    const { rows } = await this.#pool.query<ClientRow>({
      name: 'find-client-of-request',
      text: 'select * from clients where creator = $1 and request_id = $2',
      values: [creator, requestId],
    })
    const [row] = rows
    if (row === undefined) throw new Error('a client that won is not there: clients are never deleted')
    return { kind: 'taken', winner: clientOf(row), requestHash: row.request_hash }
  }

  async find(id: string): Promise<Client | undefined> {
    const { rows } = await this.#pool.query<ClientRow>({
      name: 'find-client',
      text: 'select * from clients where id = $1',
      values: [id],
    })
    return rows.map(clientOf)[0]
  }

  /** At most `countMax` clients behind an id, oldest first. */
  async list(afterId: string | undefined, countMax: number): Promise<Client[]> {
    const { rows } = await this.#pool.query<ClientRow>({
      name: 'list-clients',
      text: 'select * from clients where $1::uuid is null or id > $1 order by id limit $2',
      values: [afterId ?? null, countMax],
    })
    return rows.map(clientOf)
  }

  /** Changes a client; with a revision only while it is the client's. False when it is not, or there is no such client. */
  async change(id: string, change: ClientChange, revision: number | undefined): Promise<boolean> {
    const { rowCount } = await this.#pool.query({
      name: 'change-client',
      text: `update clients
        set display_name = coalesce($2, display_name), permissions = coalesce($3, permissions),
          may_act_for = coalesce($4, may_act_for), networks = coalesce($5, networks), revision = revision + 1
        where id = $1 and ($6::integer is null or revision = $6)`,
      values: [
        id,
        change.displayName ?? null,
        change.permissions ?? null,
        change.mayActFor ?? null,
        change.networks ?? null,
        revision ?? null,
      ],
    })
    return rowCount === 1
  }

  /** Enables or disables; what is so already stays as it is. */
  async setDisabled(id: string, disabled: boolean): Promise<void> {
    await this.#pool.query({
      name: 'set-client-disabled',
      text: 'update clients set disabled = $2, revision = revision + 1 where id = $1 and disabled <> $2',
      values: [id, disabled],
    })
  }
}
