// Publishes events, at least once and in order for each intent. Every replica runs one.
//
// An event goes to pub/sub channel `intent.{id}`, for who watches now, and to stream `events.intents`, for consumers who
// keep their place. When Valkey is away, payments settle and events wait in their rows.
import { type Redis } from 'ioredis'
import { type Pool } from 'pg'
import { type Logger } from '../runtime/logger.js'
import { type ReachCrashPoint } from './crash-points.js'
import { Loop } from './loop.js'
import { claimEvents, deleteEvents, type OutboxEvent } from './outbox-store.js'

export interface OutboxWorkerDeps {
  readonly pool: Pool
  readonly valkey: Redis
  readonly nowMs: () => number
  readonly random: () => number
  readonly crashPoint: ReachCrashPoint
  readonly log: Logger
}

export const eventStream = 'events.intents'

/** The pub/sub channel of an intent. */
export function intentChannel(intentId: string): string {
  return `intent.${intentId}`
}

// One round trip to Valkey of about 300 kB.
const claimMax = 500
// Valkey answers such a batch in milliseconds; after five seconds somebody else may try.
const leaseMs = 5_000
const restMs = 500
const restMsMax = 5_000
// The newest hundred thousand, about 60 MB: a day of a slow consumer at one event a second, a minute at two thousand.
const streamLengthMax = 100_000

export function createOutboxWorker(deps: OutboxWorkerDeps): Loop {
  const { random, log } = deps
  return new Loop({ name: 'outbox', work: () => publishDue(deps), restMs, restMsMax, random, log })
}

/** Publishes what is due; true when there may be more. Rejects when Valkey did not take everything. */
export async function publishDue(deps: OutboxWorkerDeps): Promise<boolean> {
  const events = await claimEvents(deps.pool, deps.nowMs(), leaseMs, claimMax)
  if (events.length === 0) return false
  deps.crashPoint('before-publish')
  const published = await publish(deps.valkey, events)
  deps.crashPoint('after-publish')
  if (published.length > 0) await deleteEvents(deps.pool, published)
  deps.crashPoint('after-delete')
  if (published.length < events.length) throw new Error(`${events.length - published.length} events were not taken`)
  return events.length === claimMax
}

/** Sends the events in one round trip; answers those that were taken. One that is refused holds up no other. */
async function publish(valkey: Redis, events: readonly OutboxEvent[]): Promise<OutboxEvent[]> {
  const pipeline = valkey.pipeline()
  for (const { intentId, json } of events) {
    pipeline.xadd(eventStream, 'MAXLEN', '~', streamLengthMax, '*', 'event', json)
    pipeline.publish(intentChannel(intentId), json)
  }
  const replies = (await pipeline.exec()) ?? []
  return events.filter((_, index) => {
    const [added, told] = [replies[2 * index], replies[2 * index + 1]]
    return added !== undefined && told !== undefined && added[0] === null && told[0] === null
  })
}
