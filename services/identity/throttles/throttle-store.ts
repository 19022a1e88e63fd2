import type pg from 'pg'
import { throttleDaysMax, type ThrottlePolicy } from './throttle.js'

/** Not now, and when. */
export interface Refusal {
  kind: 'refused'
  retryAfterMs: number
}

/** Whether a try may happen now, and which one it is of those that are not forgotten, from 1. */
export type Admission = { kind: 'admitted'; tryCount: number } | Refusal

// `delayMsAfter` in SQL, where the count is only known. $4 to $7 are the policy.
const delay = (count: string) => `make_interval(secs =>
  case when ${count} < $4 then 0 else least($6::float8, $5::float8 * power(2, least(40, ${count} - $4))) end / 1000)`
// What was forgotten counts anew.
const nextCount = `(case when throttles.last_time <= $3::timestamptz - make_interval(secs => $7::float8 / 1000)
  then 1 else throttles.try_count + 1 end)`
const count = `insert into throttles (kind, subject, try_count, last_time, free_time)
  values ($1, $2, 1, $3::timestamptz, $3::timestamptz + ${delay('1')})
  on conflict (kind, subject) do update set
    try_count = ${nextCount}, last_time = $3, free_time = $3::timestamptz + ${delay(nextCount)}`

/**
 * For how long a refusal is answered from memory: whoever sends a thousand tries at once then costs one statement and not a
 * thousand, and others find the database free. A count that is cleared meanwhile is seen this much later.
 */
const rememberMs = 1000
/** How many refusals are remembered; then the oldest is forgotten, and asked for again. */
const rememberedMax = 10_000

/** Counts tries in PostgreSQL, so that replicas count together and a restart forgets nothing. */
export class ThrottleStore {
  readonly #pool: pg.Pool
  readonly #refusals = new Map<string, { freeTimeMs: number; untilMs: number }>()

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** The refusal, where it is known without asking; counts nothing. */
  remembered({ kind }: ThrottlePolicy, subject: Buffer, nowMs: number): Refusal | undefined {
    const refusal = this.#refusals.get(keyOf(kind, subject))
    if (refusal === undefined || refusal.untilMs <= nowMs) return undefined
    return { kind: 'refused', retryAfterMs: refusal.freeTimeMs - nowMs }
  }

  /** Counts a try, unless its time has not come. One statement: of any number at once no more are admitted than may. */
  async admit(policy: ThrottlePolicy, subject: Buffer, nowMs: number): Promise<Admission> {
    const refusal = this.remembered(policy, subject, nowMs)
    if (refusal !== undefined) return refusal
    const { rows } = await this.#pool.query<{ try_count: number }>({
      name: 'admit-try',
      text: `${count} where throttles.free_time <= $3 returning try_count`,
      values: valuesOf(policy, subject, nowMs),
    })
    const [row] = rows
    return row ? { kind: 'admitted', tryCount: row.try_count } : await this.#refusal(policy, subject, nowMs)
  }

  /** Whether a try may happen now, counting nothing. */
  async look(policy: ThrottlePolicy, subject: Buffer, nowMs: number): Promise<Refusal | { kind: 'free' }> {
    const refusal = this.remembered(policy, subject, nowMs)
    if (refusal !== undefined) return refusal
    const { rows } = await this.#pool.query<{ free_time: Date }>({
      name: 'look-at-throttle',
      text: `select free_time from throttles where kind = $1 and subject = $2 and free_time > $3`,
      values: [policy.kind, subject, new Date(nowMs)],
    })
    const [row] = rows
    if (row === undefined) return { kind: 'free' }
    const freeTimeMs = row.free_time.getTime()
    this.#remember(keyOf(policy.kind, subject), freeTimeMs, nowMs)
    return { kind: 'refused', retryAfterMs: freeTimeMs - nowMs }
  }

  /** Counts a try whatever the time. */
  async count(policy: ThrottlePolicy, subject: Buffer, nowMs: number): Promise<void> {
    await this.#pool.query({ name: 'count-try', text: count, values: valuesOf(policy, subject, nowMs) })
  }

  /** Takes tries back, and with them what they made wait. */
  async ease(policy: ThrottlePolicy, subject: Buffer, tryCount: number, nowMs: number): Promise<void> {
    this.#refusals.delete(keyOf(policy.kind, subject))
    await this.#pool.query({
      name: 'ease-throttle',
      text: `update throttles set try_count = greatest(0, try_count - $3), free_time = least(free_time, $4)
        where kind = $1 and subject = $2`,
      values: [policy.kind, subject, tryCount, new Date(nowMs)],
    })
  }

  /** Forgets what was tried. */
  async clear(policy: ThrottlePolicy, subject: Buffer): Promise<void> {
    this.#refusals.delete(keyOf(policy.kind, subject))
    await this.#pool.query({
      name: 'clear-throttle',
      text: `delete from throttles where kind = $1 and subject = $2`,
      values: [policy.kind, subject],
    })
  }

  /** Deletes at most `countMax` that nobody tried for longer than any policy remembers. */
  async deleteExpired(nowMs: number, countMax: number): Promise<number> {
    const { rowCount } = await this.#pool.query(
      `delete from throttles where (kind, subject) in (select kind, subject from throttles
        where last_time < $1::timestamptz - make_interval(days => ${throttleDaysMax}) limit $2 for update skip locked)`,
      [new Date(nowMs), countMax],
    )
    return rowCount ?? 0
  }

  #remember(key: string, freeTimeMs: number, nowMs: number): void {
    this.#refusals.delete(key)
    this.#refusals.set(key, { freeTimeMs, untilMs: Math.min(freeTimeMs, nowMs + rememberMs) })
    const [oldest] = this.#refusals.keys()
    if (this.#refusals.size > rememberedMax && oldest !== undefined) this.#refusals.delete(oldest)
  }

  async #refusal(policy: ThrottlePolicy, subject: Buffer, nowMs: number): Promise<Refusal> {
    const looked = await this.look(policy, subject, nowMs)
    // Free by now, after having been refused: cleared in between. A second is longer than that takes.
    return looked.kind === 'refused' ? looked : { kind: 'refused', retryAfterMs: 1000 }
  }
}

function keyOf(kind: string, subject: Buffer): string {
  return `${kind} ${subject.toString('base64')}`
}

function valuesOf(policy: ThrottlePolicy, subject: Buffer, nowMs: number): unknown[] {
  const { kind, freeCount, firstDelayMs, delayMsMax, forgetMs } = policy
  return [kind, subject, new Date(nowMs), freeCount, firstDelayMs, delayMsMax, forgetMs]
}
