// Deliveries in PostgreSQL: the queue that the worker takes from, and its history.
import { type Pool } from 'pg'
import { type Wrapped } from '../../runtime/keyring.js'
import { type DeliveryFailure, type DeliveryState, retryPeriodMs, type WebhookDelivery } from './webhook.js'

/** An event for an endpoint. */
export interface NewDelivery {
  readonly id: string
  readonly endpointId: string
  readonly eventId: string
  readonly eventType: string
  readonly intentId: string
  readonly sequence: number
  readonly body: string
}

/** A delivery that is to be sent now. */
export interface DueDelivery {
  readonly id: string
  readonly endpointId: string
  readonly eventId: string
  readonly body: string
  /** This attempt's number, from 1. */
  readonly attempts: number
  readonly giveUpTimeMs: number
  readonly url: string
  /** Those that sign, newest first. */
  readonly secrets: readonly Wrapped[]
}

/** Queues deliveries; those of events that their endpoint was told of before, and of endpoints that are gone, are none. */
export async function queueDeliveries(pool: Pool, deliveries: readonly NewDelivery[], nowMs: number): Promise<void> {
  const column = (value: (delivery: NewDelivery) => unknown) => deliveries.map(value)
  await pool.query({
    name: 'webhook-queue',
    text: `
      insert into webhook_deliveries (
        id, endpoint_id, event_id, event_type, intent_id, sequence, body, state, due_time, give_up_time, create_time
      )
      select g.id, g.endpoint_id, g.event_id, g.event_type, g.intent_id, g.sequence, g.body, 'PENDING', $8, $9, $8
      from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::integer[], $7::text[])
        as g(id, endpoint_id, event_id, event_type, intent_id, sequence, body)
      join webhook_endpoints e on e.id = g.endpoint_id
      order by g.endpoint_id, g.event_id
      for key share of e
      on conflict (endpoint_id, event_id) do nothing`,
    values: [
      column((d) => d.id),
      column((d) => d.endpointId),
      column((d) => d.eventId),
      column((d) => d.eventType),
      column((d) => d.intentId),
      column((d) => d.sequence),
      column((d) => d.body),
      new Date(nowMs),
      new Date(nowMs + retryPeriodMs),
    ],
  })
}

/** How many deliveries may be taken. */
export interface Room {
  readonly countMax: number
  /** Of an endpoint that `endpoints` does not name. */
  readonly perEndpointMax: number
  /** Of those that are busy, by id. */
  readonly endpoints: ReadonlyMap<string, number>
}

interface DueRow {
  id: string
  endpoint_id: string
  event_id: string
  body: string
  attempts: number
  give_up_time: Date
  url: string
  key_ids: string[]
  sealed: Buffer[]
}

/**
 * Takes deliveries that are due: of each endpoint the oldest, as many as it has room for, and of each intent only the
 * first that is left. Nobody else takes them for `leaseMs`.
 */
export async function claimDeliveries(pool: Pool, nowMs: number, leaseMs: number, room: Room): Promise<DueDelivery[]> {
  const { rows } = await pool.query<DueRow>({
    name: 'webhook-claim',
    text: claimText,
    values: [
      new Date(nowMs),
      [...room.endpoints.keys()],
      [...room.endpoints.values()],
      room.perEndpointMax,
      room.countMax,
      new Date(nowMs + leaseMs),
    ],
  })
  return rows.map((row) => ({
    id: row.id,
    endpointId: row.endpoint_id,
    eventId: row.event_id,
    body: row.body,
    attempts: row.attempts,
    giveUpTimeMs: row.give_up_time.getTime(),
    url: row.url,
    secrets: row.key_ids.map((keyId, index) => ({ keyId, sealed: row.sealed[index] ?? Buffer.alloc(0) })),
  }))
}

const claimText = `
with due as materialized (
  select d.id
  from webhook_endpoints e
  left join unnest($2::uuid[], $3::integer[]) as b(id, room) on b.id = e.id
  cross join lateral (
    select d.id, d.due_time from webhook_deliveries d
    where d.endpoint_id = e.id and d.state = 'PENDING' and d.due_time <= $1
      and not exists (
        select 1 from webhook_deliveries p
        where p.endpoint_id = d.endpoint_id and p.intent_id = d.intent_id and p.sequence < d.sequence
          and p.state = 'PENDING'
      )
    order by d.due_time, d.id limit coalesce(b.room, $4) for update skip locked
  ) d
  where not e.disabled
  order by d.due_time, d.id limit $5
)
update webhook_deliveries d
set attempts = attempts + 1, due_time = $6
from due, webhook_endpoints e
where d.id = due.id and e.id = d.endpoint_id
returning d.id, d.endpoint_id, d.event_id, d.body, d.attempts, d.give_up_time, e.url,
  array(select key_id from webhook_secrets s
        where s.endpoint_id = e.id and (s.expire_time is null or s.expire_time > $1) order by s.id desc) as key_ids,
  array(select sealed from webhook_secrets s
        where s.endpoint_id = e.id and (s.expire_time is null or s.expire_time > $1) order by s.id desc) as sealed`

/** What became of an attempt. */
export type AttemptResult =
  | { readonly kind: 'delivered'; readonly status: number }
  | {
      readonly kind: 'failed'
      readonly failure: DeliveryFailure
      readonly status: number | undefined
      /** When it is sent again; undefined gives it up. */
      readonly retryTimeMs: number | undefined
    }

/** Writes what became of an attempt, unless the delivery was replayed meanwhile. */
export async function recordAttempt(
  pool: Pool,
  { id, attempts }: DueDelivery,
  result: AttemptResult,
  nowMs: number,
): Promise<void> {
  const isPending = result.kind === 'failed' && result.retryTimeMs !== undefined
  const state: DeliveryState = isPending ? 'PENDING' : result.kind === 'delivered' ? 'DELIVERED' : 'DEAD'
  const retryTimeMs = result.kind === 'failed' ? result.retryTimeMs : undefined
  await pool.query(
    `update webhook_deliveries
     set state = $3, last_status = $4, last_failure = $5, due_time = coalesce($6, due_time), complete_time = $7
     where id = $1 and attempts = $2 and state = 'PENDING'`,
    [
      id,
      attempts,
      state,
      result.status ?? null,
      result.kind === 'failed' ? result.failure : null,
      retryTimeMs === undefined ? null : new Date(retryTimeMs),
      isPending ? null : new Date(nowMs),
    ],
  )
}

export interface DeliveryPage {
  readonly endpointId: string
  readonly state: DeliveryState | undefined
  /** Only deliveries older than this one. */
  readonly beforeId: string | undefined
  readonly countMax: number
}

interface DeliveryRow {
  id: string
  endpoint_id: string
  event_id: string
  event_type: string
  intent_id: string
  state: DeliveryState
  attempts: number
  due_time: Date
  last_status: number | null
  last_failure: DeliveryFailure | null
  create_time: Date
  complete_time: Date | null
}

const columns =
  'id, endpoint_id, event_id, event_type, intent_id, state, attempts, due_time, last_status, last_failure, create_time, complete_time'

/** Lists deliveries, newest first. */
export async function listDeliveries(pool: Pool, page: DeliveryPage): Promise<WebhookDelivery[]> {
  const { rows } = await pool.query<DeliveryRow>(
    `select ${columns} from webhook_deliveries
     where endpoint_id = $1 and ($2::text is null or state = $2) and ($3::uuid is null or id < $3)
     order by id desc limit $4`,
    [page.endpointId, page.state ?? null, page.beforeId ?? null, page.countMax],
  )
  return rows.map(deliveryFromRow)
}

/** Queues a delivery anew, whatever became of it; undefined when there is none. */
export async function replayDelivery(
  pool: Pool,
  endpointId: string,
  id: string,
  nowMs: number,
): Promise<WebhookDelivery | undefined> {
  const { rows } = await pool.query<DeliveryRow>(
    `update webhook_deliveries
     set state = 'PENDING', attempts = 0, due_time = $3, give_up_time = $4, complete_time = null
     where endpoint_id = $1 and id = $2 returning ${columns}`,
    [endpointId, id, new Date(nowMs), new Date(nowMs + retryPeriodMs)],
  )
  return rows[0] && deliveryFromRow(rows[0])
}

/** Forgets deliveries that ended before a time, at most so many; answers how many. */
export async function forgetDeliveries(pool: Pool, beforeMs: number, countMax: number): Promise<number> {
  const { rowCount } = await pool.query(
    `delete from webhook_deliveries where id in (
       select id from webhook_deliveries where complete_time < $1 order by complete_time limit $2 for update skip locked
     )`,
    [new Date(beforeMs), countMax],
  )
  return rowCount ?? 0
}

function deliveryFromRow(row: DeliveryRow): WebhookDelivery {
  return {
    id: row.id,
    endpointId: row.endpoint_id,
    eventId: row.event_id,
    eventType: row.event_type,
    intentId: row.intent_id,
    state: row.state,
    attempts: row.attempts,
    dueTimeMs: row.due_time.getTime(),
    lastStatus: row.last_status ?? undefined,
    lastFailure: row.last_failure ?? undefined,
    createTimeMs: row.create_time.getTime(),
    completeTimeMs: row.complete_time?.getTime(),
  }
}
