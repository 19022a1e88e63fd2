// How far a payment is that a provider carries out, in PostgreSQL.
import { type Pool } from 'pg'
import { type Intent } from '../intents/intent.js'
import { intentFromRow, type IntentRow } from '../intents/intent-row.js'

/** What is known after a provider gave no final answer. */
export interface Note {
  /** Its own name for the payment, maybe empty, when it said that it has it. */
  readonly reference: string | undefined
  /**
   * Whether the payment may be given up: the provider was asked after `hasArrived`, and says that it does not know it. What it
   * said before that it has is not given up.
   */
  readonly mayExpire: boolean
}

// For how long a payment is its submitter's: longer than a question, and a submission after it, take.
const leaseSeconds = 25
export const leaseMs = leaseSeconds * 1000
const lease = `now() + interval '${leaseSeconds} seconds'`

// How long after its time is over, and after its last submission began, a payment may be given up. A submission leaves at
// the latest when its lease ends, and is broken off 8 s later; what gateways on the way keep back has the rest to arrive.
const onItsWaySeconds = 60
const arrivedBy = `greatest(hold_expire_time, provider_ask_time, provider_submit_time) + interval '${onItsWaySeconds} seconds'`

// What a provider once said that it has, it has, whatever it says later: it may answer from a copy that lags behind. A
// reference alone is what a version before this one has written.
const isUnheard = 'provider_accept_time is null and provider_reference is null'

const backOff = `make_interval(secs => least(300, 2 * 2 ^ least(resume_count, 8)) * (0.75 + random() / 2))`

export class SubmissionStore {
  readonly #pool: Pool

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /**
   * The durable point before the provider is asked the first time. Undefined, and the provider must not be asked, when
   * the money is not held any more, it is decided what becomes of it, its time is over, or somebody else asks.
   */
  async ask(intentId: string): Promise<Intent | undefined> {
    return await this.#change(
      `update intents set provider_ask_time = now(), resume_count = 0, resume_after = ${lease}
       where id = $1 and state = 'AUTHORIZED' and provider is not null and provider_ask_time is null
         and capture_minor is null and release_kind is null and hold_expire_time > now()
       returning *`,
      [intentId],
    )
  }

  /** Writes that the hold of a payment is to be released whose time was over before anybody asked; undefined when not so. */
  async expireUnasked(intentId: string): Promise<Intent | undefined> {
    return await this.#change(
      `update intents set release_kind = 'EXPIRE'
       where id = $1 and state = 'AUTHORIZED' and provider is not null and provider_ask_time is null
         and capture_minor is null and release_kind is null and hold_expire_time <= now()
       returning *`,
      [intentId],
    )
  }

  /**
   * The durable point before a queued payment is submitted the first time. Undefined, and the provider has to be asked what
   * it knows, when somebody took the payment before, the provider spoke of it, or the money is no longer held for it.
   */
  async take(intentId: string): Promise<Intent | undefined> {
    return await this.#change(
      `update intents set provider_submit_time = now(), resume_after = ${lease}
       where id = $1 and state = 'AUTHORIZED' and provider_ask_time is not null and provider_submit_time is null
         and ${isUnheard}
         and capture_minor is null and release_kind is null and hold_expire_time > now()
       returning *`,
      [intentId],
    )
  }

  /**
   * The durable point before a payment is submitted again that the provider does not know. Undefined, and it must not be,
   * when the provider once had it, the money is no longer held for it, or its time is over.
   */
  async takeAgain(intentId: string): Promise<Intent | undefined> {
    return await this.#change(
      `update intents set provider_submit_time = now(), resume_after = ${lease}
       where id = $1 and state = 'AUTHORIZED' and provider_ask_time is not null and ${isUnheard}
         and capture_minor is null and release_kind is null and hold_expire_time > now()
       returning *`,
      [intentId],
    )
  }

  /** Whether no submission is made any more, and the last has arrived if it ever does: what a provider says from now on counts. */
  async hasArrived(intentId: string): Promise<boolean> {
    const { rowCount } = await this.#pool.query(`select from intents where id = $1 and ${arrivedBy} <= now()`, [
      intentId,
    ])
    return rowCount === 1
  }

  /**
   * Keeps that the provider has it, and its reference, and sets when to poll: after 2 s, doubling with each poll, at most 5 min, jittered, and once when
   * the payment may be given up. Writes that the hold is to be released when that is so, and the provider does not have it.
   * Undefined when the intent is not AUTHORIZED.
   */
  async note(intentId: string, { reference, mayExpire }: Note): Promise<Intent | undefined> {
    return await this.#change(
      `update intents set
         provider_accept_time = case
           when $2::text is not null then coalesce(provider_accept_time, now()) else provider_accept_time
         end,
         provider_reference = coalesce(nullif($2::text, ''), provider_reference),
         resume_after = case
           when capture_minor is not null or release_kind is not null then resume_after
           when ${arrivedBy} <= now() then now() + ${backOff}
           else least(now() + ${backOff}, greatest(${arrivedBy}, now() + interval '1 second'))
         end,
         release_kind = case
           when $3 and ${isUnheard} and capture_minor is null and release_kind is null and ${arrivedBy} <= now()
           then 'EXPIRE'
           else release_kind
         end
       where id = $1 and state = 'AUTHORIZED' and provider is not null
       returning *`,
      [intentId, reference, mayExpire],
    )
  }

  /** Writes that a hold whose payment was made can never be posted; undefined when it is decided otherwise already. */
  async giveUp(intentId: string, failure: { reason: string; message: string }): Promise<Intent | undefined> {
    return await this.#change(
      `update intents set release_kind = 'FAIL', release_reason = $2, release_message = $3
       where id = $1 and state = 'AUTHORIZED' and release_kind is null returning *`,
      [intentId, failure.reason, failure.message],
    )
  }

  async #change(text: string, values: readonly unknown[]): Promise<Intent | undefined> {
    const { rows } = await this.#pool.query<IntentRow>(text, [...values])
    return rows[0] && intentFromRow(rows[0])
  }
}
