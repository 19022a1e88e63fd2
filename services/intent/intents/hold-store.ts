// What is wanted of a hold, in PostgreSQL: the durable point before the Ledger is asked.
//
// To post and to release may both be wanted, each once, by whoever came first; the Ledger decides between them. A
// request's key is written with what it wants, so that it is recognised when it comes again.
import { type Pool } from 'pg'
import { isUniqueViolation } from '../../runtime/postgres.js'
import { type Intent, type Release, type RequestKey } from './intent.js'
import { intentFromRow, type IntentRow } from './intent-row.js'

/** What a request wants of a hold. */
export type Wish = { readonly kind: 'CAPTURE'; readonly amountMinor: bigint } | { readonly kind: 'CANCEL' }

/** An earlier request: whose intent, and by which hash it is recognised. */
export interface EarlierRequest {
  readonly intentId: string
  readonly requestHash: Buffer
}

export class HoldStore {
  readonly #pool: Pool

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /**
   * Writes what a request wants of an intent's hold; answers the intent with it. Undefined, and nothing is written, when
   * the intent is not AUTHORIZED, the same is wanted already, the time to confirm is over, a provider has the payment, or
   * the key was used before.
   */
  async wish(intentId: string, wish: Wish, key: RequestKey): Promise<Intent | undefined> {
    const captureMinor = wish.kind === 'CAPTURE' ? wish.amountMinor.toString() : null
    try {
      const { rows } = await this.#pool.query<IntentRow>({
        name: `hold-${wish.kind}`,
        text: wish.kind === 'CAPTURE' ? captureText : cancelText,
        values: [intentId, key.creator, key.requestId, key.requestHash, captureMinor],
      })
      return rows[0] && intentFromRow(rows[0])
    } catch (error) {
      // The key was used at the same moment, for another intent.
      if (isUniqueViolation(error, 'hold_requests_pkey')) return undefined
      throw error
    }
  }

  /** What was asked under a key before; undefined when nothing was. */
  async earlier(key: RequestKey): Promise<EarlierRequest | undefined> {
    const { rows } = await this.#pool.query<{ intent_id: string; request_hash: Buffer }>(
      'select intent_id, request_hash from hold_requests where creator = $1 and request_id = $2',
      [key.creator, key.requestId],
    )
    return rows[0] && { intentId: rows[0].intent_id, requestHash: rows[0].request_hash }
  }

  /**
   * Writes why a hold is to be released, or a payment ended that may not have moved anything yet; undefined when that is
   * written already, the intent is in another state, or a provider has said that it paid.
   */
  async release(intentId: string, release: Release): Promise<Intent | undefined> {
    const failure = release.kind === 'FAIL' ? release.failure : undefined
    const { rows } = await this.#pool.query<IntentRow>(
      `update intents
       set release_kind = $2, release_reason = $3, release_message = $4, resume_count = 0,
           resume_after = now() + interval '3 seconds'
       where id = $1 and state in ('VALIDATED', 'AUTHORIZED') and release_kind is null and (provider is null or capture_minor is null)
       returning *`,
      [intentId, release.kind, failure?.reason ?? null, failure?.message ?? null],
    )
    return rows[0] && intentFromRow(rows[0])
  }
}

// The same key at the same moment for the same intent waits for the row, and then finds the wish there.
const wishText = (change: string, condition: string) => `
with wished as (
  update intents i
  set ${change}, resume_count = 0, resume_after = now() + interval '3 seconds'
  where id = $1 and state = 'AUTHORIZED' and ${condition}
    and not exists (select 1 from hold_requests where creator = $2 and request_id = $3)
  returning *
), asked as (
  insert into hold_requests (creator, request_id, request_hash, intent_id, create_time)
  select $2, $3, $4, id, now() from wished
)
select * from wished`

// The parameters of both are the same; a cancellation has no amount.
const captureText = wishText(
  'capture_minor = $5::bigint',
  'provider is null and capture_minor is null and hold_expire_time > now()',
)
const cancelText = wishText(
  `release_kind = 'CANCEL'`,
  // What a provider may have can be cancelled no more.
  'release_kind is null and provider_ask_time is null and $5::bigint is null',
)
