// Webhook endpoints and their secrets in PostgreSQL.
import { type Pool, type PoolClient } from 'pg'
import { type Wrapped } from '../../runtime/keyring.js'
import { transaction } from '../../runtime/postgres.js'
import { type RequestKey } from '../intents/intent.js'
import { endpointsMax, type WebhookEndpoint } from './webhook.js'

/** A secret, sealed, and its id, a UUIDv7. */
export interface SealedSecret extends Wrapped {
  readonly id: string
}

export type EndpointInserted =
  | { readonly kind: 'inserted' }
  | { readonly kind: 'taken'; readonly winner: WebhookEndpoint; readonly requestHash: Buffer }
  | { readonly kind: 'tooMany' }

/** What an owner may change; undefined leaves it as it is. */
export interface EndpointChange {
  readonly url: string | undefined
  readonly displayName: string | undefined
  readonly eventTypes: readonly string[] | undefined
  readonly disabled: boolean | undefined
}

export interface EndpointPage {
  /** Whose; undefined means everybody's. */
  readonly owner: string | undefined
  readonly afterId: string | undefined
  readonly countMax: number
}

interface EndpointRow {
  id: string
  owner: string
  url: string
  display_name: string
  event_types: string[]
  disabled: boolean
  revision: number
  create_time: Date
  overlap_end: Date | null
  request_hash: Buffer
}

const columns = `e.*, (select max(s.expire_time) from webhook_secrets s where s.endpoint_id = e.id) as overlap_end`

/** Writes an endpoint and its first secret, unless its owner used the request id before or has too many. */
export async function insertEndpoint(
  pool: Pool,
  endpoint: WebhookEndpoint,
  key: RequestKey,
  secret: SealedSecret,
): Promise<EndpointInserted> {
  const isWritten = await transaction(pool, async (client) => {
    // Two at once would both count before either is there.
    await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`webhooks of ${endpoint.owner}`])
    const { rowCount } = await client.query(insertText, insertValues(endpoint, key))
    if (rowCount !== 1) return false
    await insertSecret(client, endpoint.id, secret)
    return true
  })
  if (isWritten) return { kind: 'inserted' }
  const { rows } = await pool.query<EndpointRow>(
    `select ${columns} from webhook_endpoints e where owner = $1 and request_id = $2`,
    [key.creator, key.requestId],
  )
  const winner = rows[0]
  if (winner === undefined) return { kind: 'tooMany' }
  return { kind: 'taken', winner: endpointFromRow(winner), requestHash: winner.request_hash }
}

const insertText = `
insert into webhook_endpoints (
  id, owner, request_id, request_hash, url, display_name, event_types, disabled, create_time
)
select $1::uuid, $2::text, $3::text, $4::bytea, $5::text, $6::text, $7::text[], $8::boolean, $9::timestamptz
where (select count(*) from webhook_endpoints where owner = $2) < $10
on conflict (owner, request_id) do nothing`

function insertValues(endpoint: WebhookEndpoint, { requestId, requestHash }: RequestKey): unknown[] {
  const { id, owner, url, displayName, eventTypes, disabled, createTimeMs } = endpoint
  const createTime = new Date(createTimeMs)
  return [id, owner, requestId, requestHash, url, displayName, eventTypes, disabled, createTime, endpointsMax]
}

async function insertSecret(client: PoolClient, endpointId: string, secret: SealedSecret): Promise<void> {
  await client.query('insert into webhook_secrets (endpoint_id, id, key_id, sealed) values ($1, $2, $3, $4)', [
    endpointId,
    secret.id,
    secret.keyId,
    secret.sealed,
  ])
}

export async function endpointById(pool: Pool, id: string): Promise<WebhookEndpoint | undefined> {
  const { rows } = await pool.query<EndpointRow>(`select ${columns} from webhook_endpoints e where id = $1`, [id])
  return rows[0] && endpointFromRow(rows[0])
}

/** Lists endpoints, oldest first. */
export async function listEndpoints(pool: Pool, page: EndpointPage): Promise<WebhookEndpoint[]> {
  const { rows } = await pool.query<EndpointRow>(
    `select ${columns} from webhook_endpoints e
     where ($1::text is null or owner = $1) and ($2::uuid is null or id > $2) order by id limit $3`,
    [page.owner ?? null, page.afterId ?? null, page.countMax],
  )
  return rows.map(endpointFromRow)
}

/** Changes an endpoint; with a revision only while it is the endpoint's. False when it is not, or there is none. */
export async function changeEndpoint(
  pool: Pool,
  id: string,
  change: EndpointChange,
  revision: number | undefined,
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `update webhook_endpoints
     set url = coalesce($2, url), display_name = coalesce($3, display_name),
         event_types = coalesce($4::text[], event_types), disabled = coalesce($5, disabled), revision = revision + 1
     where id = $1 and ($6::integer is null or revision = $6)`,
    [
      id,
      change.url ?? null,
      change.displayName ?? null,
      change.eventTypes ?? null,
      change.disabled ?? null,
      revision ?? null,
    ],
  )
  return rowCount === 1
}

/** Deletes an endpoint with its secrets and deliveries. */
export async function deleteEndpoint(pool: Pool, id: string): Promise<void> {
  await pool.query('delete from webhook_endpoints where id = $1', [id])
}

/**
 * Writes a new secret. Those before it sign until `overlapEndMs`, or until they were to end before; only the newest
 * `keptMax` of them stay. False when the endpoint is gone.
 */
export async function rotateSecret(
  pool: Pool,
  endpointId: string,
  secret: SealedSecret,
  overlapEndMs: number,
  keptMax: number,
): Promise<boolean> {
  return await transaction(pool, async (client) => {
    const found = await client.query('select 1 from webhook_endpoints where id = $1 for update', [endpointId])
    if (found.rowCount !== 1) return false
    await client.query('update webhook_secrets set expire_time = $2 where endpoint_id = $1 and expire_time is null', [
      endpointId,
      new Date(overlapEndMs),
    ])
    await client.query(
      `delete from webhook_secrets where endpoint_id = $1
       and id not in (select id from webhook_secrets where endpoint_id = $1 order by id desc limit $2)`,
      [endpointId, keptMax],
    )
    await insertSecret(client, endpointId, secret)
    return true
  })
}

function endpointFromRow(row: EndpointRow): WebhookEndpoint {
  return {
    id: row.id,
    owner: row.owner,
    url: row.url,
    displayName: row.display_name,
    eventTypes: row.event_types,
    disabled: row.disabled,
    revision: row.revision,
    createTimeMs: row.create_time.getTime(),
    overlapEndMs: row.overlap_end?.getTime(),
  }
}
