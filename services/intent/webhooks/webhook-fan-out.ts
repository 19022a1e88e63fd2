// From events to deliveries: who is told of an event, and what they may see of it.
//
// Runs where the outbox worker has taken events and not yet forgotten them: an event that was queued for some endpoint
// twice is queued once, so a crash in between loses and doubles nothing.
import { type Pool } from 'pg'
import { z } from 'zod'
import { type Logger } from '../../runtime/logger.js'
import { type Channels } from '../channels/channels.js'
import { type OutboxRow } from '../events/outbox-store.js'
import { type NewDelivery, queueDeliveries } from './webhook-delivery-store.js'

export interface FanOutDeps {
  readonly pool: Pool
  readonly channels: Pick<Channels, 'termsOf'>
  readonly nowMs: () => number
  readonly newId: () => string
  /** Told after deliveries were queued. */
  readonly onQueued: () => void
  readonly log: Logger
}

export type FanOut = (rows: readonly OutboxRow[]) => Promise<void>

const eventShape = z.looseObject({
  // An intent's moves are numbered, and its events after them.
  id: z.string().regex(/\.\d{1,9}$/),
  type: z.string(),
  data: z.looseObject({
    operationType: z.string(),
    state: z.string(),
    creator: z.string(),
    payer: z.string(),
    payee: z.string(),
  }),
})
type Event = z.infer<typeof eventShape>

interface ReadEvent {
  readonly intentId: string
  readonly event: Event
}

/** Queues events for every endpoint that is to be told of them. Rejects when the database is away. */
export function createFanOut(deps: FanOutDeps): FanOut {
  return async (rows) => {
    // Most of the time nobody has an endpoint, and the events pass at the cost of this.
    const { rowCount } = await deps.pool.query('select 1 from webhook_endpoints where not disabled limit 1')
    if (rowCount === 0) return
    const events = rows.flatMap((row) => row.events.flatMap((event) => readEvent(deps.log, row, event)))
    const targets = await targetsOf(deps, events)
    const deliveries = targets.flatMap((target) => deliveryOf(deps, events[target.index], target))
    if (deliveries.length === 0) return
    await queueDeliveries(deps.pool, deliveries, deps.nowMs())
    deps.onQueued()
  }
}

/** One event that cannot be read must not hold up the others. */
function readEvent(log: Logger, { intentId, sequence }: OutboxRow, event: unknown): ReadEvent[] {
  const parsed = eventShape.safeParse(event)
  if (parsed.success) return [{ intentId, event: parsed.data }]
  log.error({ intent: intentId, sequence }, 'an event that webhooks cannot be told of')
  return []
}

interface Target {
  /** Which of the events. */
  readonly index: number
  readonly endpointId: string
  /** Whether the owner may see all of it, or what a payee may. */
  readonly whole: boolean
}

/** Who created or pays is told everything, who is paid only what GetIntent shows them. */
async function targetsOf({ pool, channels }: FanOutDeps, events: readonly ReadEvent[]): Promise<Target[]> {
  const column = (value: (event: Event) => unknown) => events.map(({ event }) => value(event))
  const { rows } = await pool.query<{ index: bigint; endpoint_id: string; whole: boolean }>({
    name: 'webhook-targets',
    text: `
      select g.index - 1 as index, e.id as endpoint_id, bool_or(o.whole) as whole
      from unnest($1::text[], $2::text[], $3::uuid[], $4::uuid[]) with ordinality
        as g(type, creator, payer, payee, index)
      cross join lateral (
        select g.creator as owner, true as whole
        union all select w.owner, true from wallets w where w.id = g.payer
        union all select w.owner, false from wallets w where w.id = g.payee
      ) o
      join webhook_endpoints e on e.owner = o.owner
      where not e.disabled and (cardinality(e.event_types) = 0 or g.type = any(e.event_types))
      group by g.index, e.id order by g.index, e.id`,
    values: [
      column(({ type }) => type),
      column(({ data }) => data.creator),
      column(({ data }) => walletOf(data.payer)),
      column(({ data }) => (concernsPayee(channels, data) ? walletOf(data.payee) : null)),
    ],
  })
  return rows.map((row) => ({ index: Number(row.index), endpointId: row.endpoint_id, whole: row.whole }))
}

/** What arrived and, where the payee decides about the hold, what is held and what becomes of it. */
function concernsPayee(channels: FanOutDeps['channels'], { state, operationType }: Event['data']): boolean {
  if (state === 'SETTLED') return true
  return afterHold.has(state) && channels.termsOf(operationType)?.holdDecider === 'payee'
}

const afterHold: ReadonlySet<string> = new Set(['AUTHORIZED', 'FAILED', 'CANCELLED', 'EXPIRED'])

function walletOf(party: string): string | null {
  return party.startsWith('wallets/') ? party.slice('wallets/'.length) : null
}

function deliveryOf(deps: FanOutDeps, read: ReadEvent | undefined, { endpointId, whole }: Target): NewDelivery[] {
  if (read === undefined) return []
  const { intentId, event } = read
  return [
    {
      id: deps.newId(),
      endpointId,
      eventId: event.id,
      eventType: event.type,
      intentId,
      sequence: Number(event.id.split('.').at(-1)),
      body: JSON.stringify(whole ? event : payeeEvent(event)),
    },
  ]
}

/** Without what the payer paid on top. */
function payeeEvent(event: Event): Event {
  const data = Object.entries(event.data).filter(([name]) => name !== 'payerTotal')
  return { ...event, data: eventShape.shape.data.parse(Object.fromEntries(data)) }
}
