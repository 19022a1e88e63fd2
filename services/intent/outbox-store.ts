// Events that are written and not yet published.
import { type Pool } from 'pg'

export interface OutboxEvent {
  readonly intentId: string
  readonly sequence: number
  /** The CloudEvent's JSON, as it was written. */
  readonly json: string
}

/**
 * Takes events that are due, of each intent only the first that is left, so that an intent's events leave in order.
 * Nobody else publishes them for `leaseMs`, doubling with each time they were taken, at most a minute: the lease is
 * also the back-off after a failure.
 */
export async function claimEvents(
  pool: Pool,
  nowMs: number,
  leaseMs: number,
  countMax: number,
): Promise<OutboxEvent[]> {
  const { rows } = await pool.query<{ intent_id: string; sequence: number; json: string }>({
    name: 'outbox-claim',
    text: `
      with due as materialized (
        select intent_id, sequence from outbox o
        where publish_after <= $1
          and not exists (select 1 from outbox p where p.intent_id = o.intent_id and p.sequence < o.sequence)
        order by intent_id, sequence limit $3 for update skip locked
      )
      update outbox o
      set attempts = attempts + 1,
          publish_after = $1::timestamptz
            + make_interval(secs => least(60000, $2::float8 * 2 ^ least(attempts, 10)) / 1000)
      from due where o.intent_id = due.intent_id and o.sequence = due.sequence
      returning o.intent_id, o.sequence, o.event::text as json`,
    values: [new Date(nowMs), leaseMs, countMax],
  })
  return rows.map((row) => ({ intentId: row.intent_id, sequence: row.sequence, json: row.json }))
}

/** Forgets events that were published. */
export async function deleteEvents(pool: Pool, events: readonly OutboxEvent[]): Promise<void> {
  await pool.query({
    name: 'outbox-delete',
    text: `delete from outbox o using unnest($1::uuid[], $2::integer[]) as g(intent_id, sequence)
           where o.intent_id = g.intent_id and o.sequence = g.sequence`,
    values: [events.map((event) => event.intentId), events.map((event) => event.sequence)],
  })
}
