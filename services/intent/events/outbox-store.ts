// Events that are written and not yet published. A row holds what one write of an intent tells, an event for each move.
import { type Pool } from 'pg'

export interface OutboxRow {
  readonly intentId: string
  readonly sequence: number
  /** The CloudEvents, oldest first. */
  readonly events: readonly unknown[]
}

/**
 * Takes rows that are due: of each intent all that are left, in order, when its first is due, so that an intent's events
 * leave in order. Nobody else publishes them for `leaseMs`, doubling with each time they were taken, at most a minute,
 * jittered: the lease is also the back-off after a failure. By the database's clock.
 */
export async function claimRows(pool: Pool, leaseMs: number, intentsMax: number): Promise<OutboxRow[]> {
  const { rows } = await pool.query<{ intent_id: string; sequence: number; events: unknown[] }>({
    name: 'outbox-claim',
    text: `
      with due as materialized (
        select intent_id from outbox o
        where publish_after <= now() and dead_time is null
          and not exists (select 1 from outbox p where p.intent_id = o.intent_id and p.sequence < o.sequence)
        order by intent_id limit $2 for update skip locked
      ), taken as (
        update outbox o
        set attempts = attempts + 1,
            publish_after = now()
              + make_interval(secs => least(60000, $1::float8 * 2 ^ least(attempts, 10)) * (1 + random() / 4) / 1000)
        from due where o.intent_id = due.intent_id
        returning o.intent_id, o.sequence, o.events
      )
      select * from taken order by intent_id, sequence`,
    values: [leaseMs, intentsMax],
  })
  return rows.map((row) => ({ intentId: row.intent_id, sequence: row.sequence, events: row.events }))
}

/** Forgets rows that were published. */
export async function deleteRows(pool: Pool, rows: readonly OutboxRow[]): Promise<void> {
  await pool.query({
    name: 'outbox-delete',
    text: `delete from outbox o using unnest($1::uuid[], $2::integer[]) as g(intent_id, sequence)
           where o.intent_id = g.intent_id and o.sequence = g.sequence`,
    values: [rows.map((row) => row.intentId), rows.map((row) => row.sequence)],
  })
}

/**
 * Counts that the server would not take a row's events, and gives the row up after so many times: a dead letter, which
 * holds back what follows of its intent. Answers the ids of intents of which a row was given up now.
 */
export async function countRefusals(pool: Pool, rows: readonly OutboxRow[], refusalsMax: number): Promise<string[]> {
  const { rows: refused } = await pool.query<{ intent_id: string; dead_time: Date | null }>(
    `update outbox o
     set refusals = refusals + 1, dead_time = case when refusals + 1 >= $3 then now() end
     from unnest($1::uuid[], $2::integer[]) as g(intent_id, sequence)
     where o.intent_id = g.intent_id and o.sequence = g.sequence
     returning o.intent_id, o.dead_time`,
    [rows.map((row) => row.intentId), rows.map((row) => row.sequence), refusalsMax],
  )
  return refused.flatMap((row) => (row.dead_time === null ? [] : [row.intent_id]))
}

/** Puts rows that were given up back, as if they were new: of one intent, or all. Answers how many. */
export async function replayDead(pool: Pool, intentId: string | undefined): Promise<number> {
  const { rowCount } = await pool.query(
    `update outbox set dead_time = null, refusals = 0, attempts = 0, publish_after = now()
     where dead_time is not null and ($1::uuid is null or intent_id = $1)`,
    [intentId ?? null],
  )
  return rowCount ?? 0
}
