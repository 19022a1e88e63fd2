// Intents in PostgreSQL: the two writes of a payment, and the reads.
//
// Writes are group-committed: what is asked in the same turn, and while a write is under way, goes out as one
// multi-row statement and costs one commit. Each write carries its outbox row in the same statement.
import { type Pool } from 'pg'
import { Coalescer } from '../../runtime/coalesce.js'
import { type Intent } from './intent.js'
import { intentFromRow, type IntentRow } from './intent-row.js'
import { insertText, insertValues, refundInsertText, updateText, updateValues } from './intent-statements.js'
import { isCheckViolation } from '../../runtime/postgres.js'

/** A write that moves a stored intent. */
export interface Update {
  readonly before: Intent
  readonly after: Intent
}

export type Inserted =
  /** The intent as it is stored. */
  | { readonly kind: 'inserted'; readonly intent: Intent }
  /** Another request holds the key; `winner` is its intent as it now is. */
  | { readonly kind: 'taken'; readonly winner: Intent }

// A write is a few rows of about one kilobyte: 128 keep a statement near 1 ms, and two under way at once keep the
// database busy while this process prepares the next.
const writeLimits = { itemsMax: 128, inFlightMax: 2 }

export class IntentStore {
  readonly #pool: Pool
  readonly #inserts: Coalescer<Intent, Inserted>
  readonly #updates: Coalescer<Update, boolean>

  constructor(pool: Pool, queueMax: number) {
    this.#pool = pool
    this.#inserts = new Coalescer({ flush: (intents) => this.#insertAll(intents), queueMax, ...writeLimits })
    this.#updates = new Coalescer({ flush: (updates) => this.#updateAll(updates), queueMax, ...writeLimits })
  }

  /**
   * Writes a new intent unless its creator used the request id before. Rejects with OverloadedError when too many
   * writes wait.
   */
  insert(intent: Intent): Promise<Inserted> {
    return this.#inserts.add(intent)
  }

  /**
   * Writes a new refund, and takes its amount from what is left to refund of its parent, in one statement. `noRoom` when
   * less is left: then nothing is written.
   */
  async insertRefund(refund: Intent): Promise<Inserted | { readonly kind: 'noRoom' }> {
    try {
      const [inserted] = await this.#insertAll([refund], refundInsertText)
      if (inserted === undefined) throw new Error('an insert of one intent has one result')
      return inserted
    } catch (error) {
      if (isCheckViolation(error, 'intents_refunds')) return { kind: 'noRoom' }
      throw error
    }
  }

  /**
   * Writes where an intent went, if it is stored in the version before and may go there. False when not: somebody else
   * moved it first, and that holds. A refund that settles or is refused is entered at its parent in the same statement.
   */
  update(before: Intent, after: Intent): Promise<boolean> {
    return this.#updates.add({ before, after })
  }

  /**
   * Writes the next attempt at an intent's first chain, if the intent still rests before it. False when not: somebody else
   * took another way first, and that holds.
   */
  async attemptAgain({ id, version, attempt, limitAccounts }: Intent): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      `update intents set attempt = $3, limit_accounts = $4, resume_count = 0, resume_after = now() + interval '3 seconds'
       where id = $1 and version = $2 and attempt = $3 - 1 and state = 'VALIDATED' and release_kind is null`,
      [id, version, attempt, JSON.stringify(limitAccounts)],
    )
    return rowCount === 1
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

  /** The version that each of these intents has now. */
  async versionsOf(ids: readonly string[]): Promise<Pick<Intent, 'id' | 'version'>[]> {
    const { rows } = await this.#pool.query<Pick<IntentRow, 'id' | 'version'>>({
      name: 'intent-versions',
      text: 'select id, version from intents where id = any($1::uuid[])',
      values: [ids],
    })
    return rows
  }

  async byRequest(creator: string, requestId: string): Promise<Intent | undefined> {
    const found = await this.#byRequests([{ creator, requestId }])
    return found[0]
  }

  /**
   * Takes intents that are due: left unfinished, or with a hold whose time is over, which is then to be released. Those that
   * wait for a provider are left to who has it. Who takes one has it for a while: `resume_after` moves on by 3 s, doubling
   * with each time it was taken, at most 60 s, jittered. Two that run the same intent would do no harm, only work. All by the
   * database's clock, so that replicas whose clocks differ agree.
   */
  async claimDue(countMax: number): Promise<Intent[]> {
    const { rows } = await this.#pool.query<IntentRow>(
      `with due as materialized (
         select id from intents where ${isUnfinished} and resume_after <= now()
         order by resume_after limit $1 for update skip locked
       )
       update intents i
       set resume_count = resume_count + 1,
           resume_after = now() + ${backOff},
           release_kind = case
             when i.state = 'AUTHORIZED' and i.provider is null and i.capture_minor is null
               and i.hold_expire_time <= now()
             then coalesce(i.release_kind, 'EXPIRE') else i.release_kind
           end
       from due where i.id = due.id
       returning i.*`,
      [countMax],
    )
    return rows.map(intentFromRow)
  }

  /**
   * Takes payments that wait for a provider: one that it has, or may have, is to be asked about. Who takes one has it for 25 s,
   * longer than a poll and a submission after it take; when to ask next is written with what came of it. A job of a queue that
   * comes later finds that it was taken. One that it was not asked for yet is due again as what is left unfinished is.
   */
  async claimToPoll(provider: string, countMax: number): Promise<Intent[]> {
    const { rows } = await this.#pool.query<IntentRow>(
      `with due as materialized (
         select id from intents where ${waitsForProvider} and provider = $2 and resume_after <= now()
         order by resume_after limit $1 for update skip locked
       )
       update intents i
       set resume_count = resume_count + 1,
           resume_after = now() + case when provider_ask_time is null then ${backOff} else interval '25 seconds' end,
           provider_submit_time = case
             when provider_ask_time is not null then coalesce(provider_submit_time, provider_ask_time) else null
           end
       from due where i.id = due.id
       returning i.*`,
      [countMax, provider],
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

  async #insertAll(intents: readonly Intent[], statement = insertText): Promise<Inserted[]> {
    // In the order of the unique key, so that two replicas writing the same keys cannot wait for each other in a ring.
    const sorted = [...intents].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    const { rows } = await this.#pool.query<{ id: string; hold_expire_time: Date | null }>({
      name: statement === insertText ? 'intents-insert' : 'refund-insert',
      text: statement,
      values: insertValues(sorted),
    })
    const written = new Map(rows.map((row) => [row.id, row]))
    const lost = intents.filter((intent) => !written.has(intent.id))
    const winners = lost.length === 0 ? [] : await this.#byRequests(lost)
    const winnerOf = new Map(winners.map((winner) => [keyOf(winner), winner]))
    return intents.map((intent): Inserted => {
      const row = written.get(intent.id)
      if (row !== undefined) {
        return { kind: 'inserted', intent: { ...intent, holdExpireMs: row.hold_expire_time?.getTime() } }
      }
      const winner = winnerOf.get(keyOf(intent))
      if (winner === undefined) throw new Error('the winner of a conflict is there to be read')
      return { kind: 'taken', winner }
    })
  }

  /**
   * One statement changes a row once. Of several updates of one intent, as when two people decide about it in the same moment,
   * each goes after the one before, and finds the version that it left.
   */
  async #updateAll(updates: readonly Update[]): Promise<boolean[]> {
    const changed = new Set<Update>()
    for (let rest = updates; rest.length > 0;) {
      const first = new Map<string, Update>()
      for (const update of rest) if (!first.has(update.after.id)) first.set(update.after.id, update)
      const ids = await this.#updateEach([...first.values()])
      for (const [id, update] of first) if (ids.has(id)) changed.add(update)
      rest = rest.filter((update) => first.get(update.after.id) !== update)
    }
    return updates.map((update) => changed.has(update))
  }

  /** The ids of what was changed; of each intent at most one update. */
  async #updateEach(updates: readonly Update[]): Promise<ReadonlySet<string>> {
    const sorted = [...updates].sort((a, b) => (a.after.id < b.after.id ? -1 : 1))
    const { rows } = await this.#pool.query<{ id: string }>({
      name: 'intents-update',
      text: updateText,
      values: updateValues(sorted),
    })
    const changed = new Set(rows.map((row) => row.id))
    return changed
  }
}

// As the index intents_with_provider has it.
export const waitsForProvider = `state = 'AUTHORIZED' and provider is not null and capture_minor is null and release_kind is null`
/** As the index intents_unfinished has it. */
export const isUnfinished = `state in ('VALIDATED', 'AUTHORIZED') and not (${waitsForProvider})`

const backOff = 'make_interval(secs => least(60, 3 * 2 ^ least(resume_count, 5)) * (0.75 + random() / 2))'

function keyOf(intent: { creator: string; requestId: string }): string {
  return `${intent.creator} ${intent.requestId}`
}
