// Intents in PostgreSQL: the two writes of a payment, and the reads.
//
// Writes are group-committed: what is asked in the same turn, and while a write is under way, goes out as one
// multi-row statement and costs one commit. Each write carries its outbox row in the same statement.
import { type Pool } from 'pg'
import { Coalescer } from '../runtime/coalesce.js'
import { decisionToMessage } from './decision-message.js'
import { eventOf } from './event.js'
import { type Intent, reachedMs } from './intent.js'
import { intentFromRow, type IntentRow } from './intent-row.js'
import { Decision as DecisionMessage } from '../../gen/paymesh/rules/v1/decision.js'

export type Inserted =
  | { readonly kind: 'inserted' }
  /** Another request holds the key; `winner` is its intent as it now is. */
  | { readonly kind: 'taken'; readonly winner: Intent }

// A write is a few rows of about one kilobyte: 128 keep a statement near 1 ms, and two under way at once keep the
// database busy while this process prepares the next.
const writeLimits = { itemsMax: 128, inFlightMax: 2 }

export class IntentStore {
  readonly #pool: Pool
  readonly #inserts: Coalescer<Intent, Inserted>
  readonly #updates: Coalescer<Intent, boolean>

  constructor(pool: Pool, queueMax: number) {
    this.#pool = pool
    this.#inserts = new Coalescer({ flush: (intents) => this.#insertAll(intents), queueMax, ...writeLimits })
    this.#updates = new Coalescer({ flush: (intents) => this.#updateAll(intents), queueMax, ...writeLimits })
  }

  /**
   * Writes a new intent unless its creator used the request id before. Rejects with OverloadedError when too many
   * writes wait.
   */
  insert(intent: Intent): Promise<Inserted> {
    return this.#inserts.add(intent)
  }

  /**
   * Writes the outcome of an intent that is stored as VALIDATED in the version before. False when it is not: somebody
   * else wrote an outcome first, and that one holds.
   */
  update(intent: Intent): Promise<boolean> {
    return this.#updates.add(intent)
  }

  async byId(id: string): Promise<Intent | undefined> {
    const { rows } = await this.#pool.query<IntentRow>({
      name: 'intent-by-id',
      text: 'select * from intents where id = $1',
      values: [id],
    })
    return rows[0] && intentFromRow(rows[0])
  }

  async byIds(ids: readonly string[]): Promise<Intent[]> {
    const { rows } = await this.#pool.query<IntentRow>('select * from intents where id = any($1::uuid[])', [ids])
    return rows.map(intentFromRow)
  }

  async byRequest(creator: string, requestId: string): Promise<Intent | undefined> {
    const found = await this.#byRequests([{ creator, requestId }])
    return found[0]
  }

  /**
   * Takes intents that were left unfinished. Who takes one has it for a while: `resume_after` moves on by 3 s, doubling
   * with each time it was taken, at most 60 s, jittered. Two that run the same intent would do no harm, only work.
   */
  async claimUnfinished(nowMs: number, countMax: number): Promise<Intent[]> {
    const { rows } = await this.#pool.query<IntentRow>(
      `with due as materialized (
         select id from intents where state = 'VALIDATED' and resume_after <= $1
         order by resume_after limit $2 for update skip locked
       )
       update intents i
       set resume_count = resume_count + 1,
           resume_after = $1::timestamptz
             + make_interval(secs => least(60, 3 * 2 ^ least(resume_count, 5)) * (0.75 + random() / 2))
       from due where i.id = due.id
       returning i.*`,
      [new Date(nowMs), countMax],
    )
    return rows.map(intentFromRow)
  }

  async #byRequests(keys: readonly { creator: string; requestId: string }[]): Promise<Intent[]> {
    const { rows } = await this.#pool.query<IntentRow>(
      `select i.* from unnest($1::text[], $2::text[]) as k(creator, request_id)
       join intents i on i.creator = k.creator and i.request_id = k.request_id`,
      [keys.map((key) => key.creator), keys.map((key) => key.requestId)],
    )
    return rows.map(intentFromRow)
  }

  async #insertAll(intents: readonly Intent[]): Promise<Inserted[]> {
    // In the order of the unique key, so that two replicas writing the same keys cannot wait for each other in a ring.
    const sorted = [...intents].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    const { rows } = await this.#pool.query<{ id: string }>({
      name: 'intents-insert',
      text: insertText,
      values: insertValues(sorted),
    })
    const written = new Set(rows.map((row) => row.id))
    const lost = intents.filter((intent) => !written.has(intent.id))
    const winners = lost.length === 0 ? [] : await this.#byRequests(lost)
    const winnerOf = new Map(winners.map((winner) => [keyOf(winner), winner]))
    return intents.map((intent): Inserted => {
      if (written.has(intent.id)) return { kind: 'inserted' }
      const winner = winnerOf.get(keyOf(intent))
      if (winner === undefined) throw new Error('the winner of a conflict is there to be read')
      return { kind: 'taken', winner }
    })
  }

  async #updateAll(intents: readonly Intent[]): Promise<boolean[]> {
    const sorted = [...intents].sort((a, b) => (a.id < b.id ? -1 : 1))
    const { rows } = await this.#pool.query<{ id: string }>({
      name: 'intents-update',
      text: updateText,
      values: updateValues(sorted),
    })
    const changed = new Set(rows.map((row) => row.id))
    return intents.map((intent) => changed.has(intent.id))
  }
}

function keyOf(intent: { creator: string; requestId: string }): string {
  return `${intent.creator} ${intent.requestId}`
}

// How long a new intent is left to the request that made it. Longer than a payment takes when all is well, and short
// enough that the payer of an interrupted one does not wait long.
const resumeAfterMs = 3_000

const insertText = `
with given as (
  select * from unnest(
    $1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::uuid[], $7::text[], $8::uuid[], $9::text[],
    $10::text[], $11::bigint[], $12::jsonb[], $13::bytea[], $14::text[], $15::smallint[], $16::text[], $17::text[],
    $18::text[], $19::timestamptz[], $20::timestamptz[], $21::timestamptz[], $22::integer[], $23::timestamptz[],
    $24::json[]
  ) as g(
    id, creator, request_id, request_hash, operation_type, payer_wallet, payer_account, payee_wallet, payee_account,
    asset_code, amount_minor, metadata, decision, channel, attempt, state, failure_reason,
    failure_message, create_time, validate_time, reject_time, version, resume_after,
    event
  )
), written as (
  insert into intents (
    id, creator, request_id, request_hash, operation_type, payer_wallet, payer_account, payee_wallet, payee_account,
    asset_code, amount_minor, metadata, decision, channel, attempt, state, failure_reason, failure_message,
    create_time, validate_time, reject_time, version, resume_after
  )
  select
    id, creator, request_id, request_hash, operation_type, payer_wallet, payer_account, payee_wallet, payee_account,
    asset_code, amount_minor, metadata, decision, channel, attempt, state, failure_reason, failure_message,
    create_time, validate_time, reject_time, version, resume_after
  from given
  on conflict (creator, request_id) do nothing
  returning id
), told as (
  insert into outbox (intent_id, sequence, event, publish_after)
  select g.id, g.version, g.event, g.create_time from given g join written w on w.id = g.id where g.event is not null
)
select id from written`

function insertValues(intents: readonly Intent[]): unknown[] {
  const column = (value: (intent: Intent) => unknown) => intents.map(value)
  return [
    column((i) => i.id),
    column((i) => i.creator),
    column((i) => i.requestId),
    column((i) => i.requestHash),
    column((i) => i.operationType),
    column((i) => (i.payer.kind === 'wallet' ? i.payer.walletId : null)),
    column((i) => (i.payer.kind === 'account' ? i.payer.account : null)),
    column((i) => (i.payee.kind === 'wallet' ? i.payee.walletId : null)),
    column((i) => (i.payee.kind === 'account' ? i.payee.account : null)),
    column((i) => i.assetCode),
    column((i) => i.amountMinor.toString()),
    column((i) => JSON.stringify(i.metadata)),
    column((i) => Buffer.from(DecisionMessage.encode(decisionToMessage(i.decision, i.assetCode)).finish())),
    column((i) => (i.decision.verdict.kind === 'routed' ? i.decision.verdict.channel : '')),
    column((i) => i.attempt),
    column((i) => i.status.state),
    column((i) => (i.status.state === 'REJECTED' ? i.status.failure.reason : null)),
    column((i) => (i.status.state === 'REJECTED' ? i.status.failure.message : null)),
    column((i) => timeText(reachedMs(i, 'CREATED'))),
    column((i) => timeText(reachedMs(i, 'VALIDATED'))),
    column((i) => timeText(reachedMs(i, 'REJECTED'))),
    column((i) => i.version),
    column((i) => timeText((reachedMs(i, 'CREATED') ?? 0) + resumeAfterMs)),
    column((i) => eventOf(i) ?? null),
  ]
}

// The condition is the state machine's: only VALIDATED moves, and only from the version that was read.
const updateText = `
with given as (
  select * from unnest(
    $1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
    $8::timestamptz[], $9::timestamptz[], $10::json[]
  ) as g(
    id, version, state, failure_reason, failure_message, authorize_time, settle_time, reject_time, update_time, event
  )
), changed as (
  update intents i
  set state = g.state, version = g.version, failure_reason = g.failure_reason, failure_message = g.failure_message,
      authorize_time = g.authorize_time, settle_time = g.settle_time, reject_time = g.reject_time
  from given g
  where i.id = g.id and i.state = 'VALIDATED' and i.version = g.version - 1
  returning i.id
), told as (
  insert into outbox (intent_id, sequence, event, publish_after)
  select g.id, g.version, g.event, g.update_time from given g join changed c on c.id = g.id where g.event is not null
)
select id from changed`

function updateValues(intents: readonly Intent[]): unknown[] {
  const column = (value: (intent: Intent) => unknown) => intents.map(value)
  return [
    column((i) => i.id),
    column((i) => i.version),
    column((i) => i.status.state),
    column((i) => (i.status.state === 'REJECTED' ? i.status.failure.reason : null)),
    column((i) => (i.status.state === 'REJECTED' ? i.status.failure.message : null)),
    column((i) => timeText(reachedMs(i, 'AUTHORIZED'))),
    column((i) => timeText(reachedMs(i, 'SETTLED'))),
    column((i) => timeText(reachedMs(i, 'REJECTED'))),
    column((i) => timeText(i.changes.at(-1)?.timeMs)),
    column((i) => eventOf(i) ?? null),
  ]
}

// Text rather than Date: the driver formats a Date in local time, at several times the cost.
function timeText(timeMs: number | undefined): string | null {
  return timeMs === undefined ? null : new Date(timeMs).toISOString()
}
