// Publishes events, at least once and in order for each intent. Every replica runs one.
//
// An event goes to pub/sub channel `intent.{id}`, for who watches now, and to stream `events.intents`, for consumers who
// keep their place. When Valkey is away, payments settle and events wait in their rows. An event that Valkey itself
// refuses, again and again, becomes a dead letter: it waits for an operator to replay it, and what follows of its intent
// waits behind it, for the order is what consumers are promised.
import { type Redis, ReplyError } from 'ioredis'
import { type Pool } from 'pg'
import { type Logger } from '../../runtime/logger.js'
import { type ReachCrashPoint } from '../crash-points.js'
import { Loop } from '../../runtime/loop.js'
import { claimRows, countRefusals, deleteRows, type OutboxRow } from './outbox-store.js'

export interface OutboxWorkerDeps {
  readonly pool: Pool
  readonly valkey: Redis
  /** Told of events before they are published, so that webhooks wait for nothing but the database. */
  readonly fanOut: (rows: readonly OutboxRow[]) => Promise<void>
  readonly random: () => number
  readonly crashPoint: ReachCrashPoint
  readonly log: Logger
}

export const eventStream = 'events.intents'

/** The pub/sub channel of an intent. */
export function intentChannel(intentId: string): string {
  return `intent.${intentId}`
}

// Of so many intents at once; an intent rarely has more than three events waiting: about 1 MB.
const intentsMax = 500
// Valkey answers such a batch in milliseconds; after five seconds somebody else may try.
const leaseMs = 5_000
const restMs = 500
const restMsMax = 5_000
// The newest hundred thousand, about 60 MB: a day of a slow consumer at one event a second, a minute at two thousand.
const streamLengthMax = 100_000
// At doubling leases about ten minutes: long enough for an operator's mistake with the stream to be mended.
const refusalsMax = 12

export function createOutboxWorker(deps: OutboxWorkerDeps): Loop {
  const { random, log } = deps
  return new Loop({ name: 'outbox', work: () => publishDue(deps), restMs, restMsMax, random, log })
}

/** Publishes what is due; true when there may be more. Rejects when Valkey did not take everything. */
export async function publishDue(deps: OutboxWorkerDeps): Promise<boolean> {
  const rows = await claimRows(deps.pool, leaseMs, intentsMax)
  if (rows.length === 0) return false
  deps.crashPoint('before-publish')
  await deps.fanOut(rows)
  const { published, refused } = await publish(deps.valkey, rows)
  deps.crashPoint('after-publish')
  if (published.length > 0) await deleteRows(deps.pool, published)
  deps.crashPoint('after-delete')
  if (refused.length > 0) {
    const dead = await countRefusals(deps.pool, refused, refusalsMax)
    for (const intent of dead) deps.log.error({ intent }, 'an event was given up; replay it when its cause is mended')
  }
  if (published.length < rows.length) throw new Error(`${rows.length - published.length} writes were not told of`)
  return new Set(rows.map((row) => row.intentId)).size === intentsMax
}

type Fate = 'taken' | 'refused' | 'unheard'

interface Published {
  readonly published: readonly OutboxRow[]
  /** Of each intent at most the first that Valkey answered with an error of its own. */
  readonly refused: readonly OutboxRow[]
}

/**
 * Sends the rows, the first of every intent in one round trip, then the second of those whose first was taken, and so
 * on. One that is refused holds up no other intent.
 */
async function publish(valkey: Redis, rows: readonly OutboxRow[]): Promise<Published> {
  const waiting = new Map<string, OutboxRow[]>()
  for (const row of rows) waiting.set(row.intentId, [...(waiting.get(row.intentId) ?? []), row])
  const published: OutboxRow[] = []
  const refused: OutboxRow[] = []
  while (waiting.size > 0) {
    const wave = [...waiting.values()].flatMap((left) => left.shift() ?? [])
    const fates = await send(valkey, wave)
    for (const [index, row] of wave.entries()) {
      if (fates[index] === 'taken') published.push(row)
      if (fates[index] === 'refused') refused.push(row)
      if (fates[index] !== 'taken' || waiting.get(row.intentId)?.length === 0) waiting.delete(row.intentId)
    }
  }
  return { published, refused }
}

// A script takes all rows in one command: a command costs this process several times what it costs Valkey. A row that
// Valkey refuses is named in the answer and stops no other.
const publishScript = `
local answers = {}
local at = 2
while at <= #ARGV do
  local channel, count = ARGV[at], tonumber(ARGV[at + 1])
  local failure = false
  for event = at + 2, at + 1 + count do
    local added = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'event', ARGV[event])
    if type(added) == 'table' and added.err then failure = added.err break end
    redis.call('PUBLISH', channel, ARGV[event])
  end
  answers[#answers + 1] = failure or 'OK'
  at = at + 2 + count
end
return answers`

/** What became of each row, in one round trip. */
async function send(valkey: Redis, rows: readonly OutboxRow[]): Promise<Fate[]> {
  const written = rows.flatMap(({ intentId, events }) => [
    intentChannel(intentId),
    events.length,
    ...events.map((event) => JSON.stringify(event)),
  ])
  try {
    const answers = await valkey.eval(publishScript, 1, eventStream, streamLengthMax, ...written)
    if (!Array.isArray(answers)) throw new Error('the script answers with a list')
    return rows.map((_, index) => (answers[index] === 'OK' ? 'taken' : 'refused'))
  } catch (error) {
    const fate = error instanceof ReplyError ? 'refused' : 'unheard'
    return rows.map(() => fate)
  }
}
