// How far a payment is that a provider carries out, in PostgreSQL.
import { type Pool } from 'pg'
import { type Intent } from '../intents/intent.js'
import { intentFromRow, type IntentRow } from '../intents/intent-row.js'

/** What is known after a provider gave no final answer. */
export interface Note {
  /** Undefined when it said none. */
  readonly reference: string | undefined
  /** Whether the payment may be given up when its time is over: the provider was just asked, and does not have it. */
  readonly mayExpire: boolean
}

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
      // Longer than a submission takes: until then the provider is this caller's to ask.
      `update intents set provider_ask_time = now(), resume_count = 0, resume_after = now() + interval '25 seconds'
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
   * it knows, when somebody took the payment before, or the money is no longer held for it.
   */
  async take(intentId: string): Promise<Intent | undefined> {
    return await this.#change(
      `update intents set provider_submit_time = now(), resume_after = now() + interval '25 seconds'
       where id = $1 and state = 'AUTHORIZED' and provider_ask_time is not null and provider_submit_time is null
         and capture_minor is null and release_kind is null and hold_expire_time > now()
       returning *`,
      [intentId],
    )
  }

  /**
   * Keeps the reference, and sets when to poll: after 2 s, doubling with each poll, at most 5 min, jittered, and once when
   * the hold's time is over. Writes that the hold is to be released when it is and that may be. Undefined when the intent is
   * not AUTHORIZED.
   */
  async note(intentId: string, { reference, mayExpire }: Note): Promise<Intent | undefined> {
    return await this.#change(
      `update intents set
         provider_reference = coalesce(nullif($2::text, ''), provider_reference),
         resume_after = case
           when capture_minor is not null or release_kind is not null then resume_after
           when hold_expire_time <= now() then now() + ${backOff}
           else least(now() + ${backOff}, greatest(hold_expire_time, now() + interval '1 second'))
         end,
         release_kind = case
           when $3 and capture_minor is null and release_kind is null and hold_expire_time <= now() then 'EXPIRE'
           else release_kind
         end
       where id = $1 and state = 'AUTHORIZED' and provider is not null
       returning *`,
      [intentId, reference ?? '', mayExpire],
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
