import type pg from 'pg'

/** What the accounts of one ledger add up to, in minor units. */
export interface LedgerTotals {
  readonly ledger: number
  readonly debitsPending: bigint
  readonly debitsPosted: bigint
  readonly creditsPending: bigint
  readonly creditsPosted: bigint
}

/** Where the ledger stood after one batch. */
export interface Snapshot {
  readonly batch: bigint
  /** Milliseconds since 1970. */
  readonly createTimeMs: number
  readonly hash: Buffer
  readonly accountCount: bigint
  readonly totals: readonly LedgerTotals[]
}

interface SnapshotRow {
  readonly batch: string
  readonly create_time: Date
  readonly hash: Buffer
  readonly account_count: string
  readonly totals: readonly Readonly<Record<'ledger' | `${'debits' | 'credits'}_${'pending' | 'posted'}`, string>>[]
}

// One statement: the head and the sums are of the same moment.
const TAKE = `
  insert into snapshots (batch, create_time, hash, account_count, totals)
  select h.batch, $1, h.hash, (select count(*) from accounts), coalesce((
    select jsonb_agg(jsonb_build_object('ledger', ledger::text, 'debits_pending', dp::text, 'debits_posted', dq::text,
      'credits_pending', cp::text, 'credits_posted', cq::text) order by ledger)
    from (
      select ledger, sum(debits_pending) as dp, sum(debits_posted) as dq, sum(credits_pending) as cp,
        sum(credits_posted) as cq
      from accounts group by ledger
    ) as sums), '[]')
  from ledger_head h
  on conflict (batch) do nothing
  returning batch::text, create_time, hash, account_count::text, totals`

const FIND_LAST = `
  select s.batch::text, create_time, hash, account_count::text, totals
  from snapshots s order by s.batch desc limit 1`

/** Records of where the ledger stood. */
export class SnapshotStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** The snapshot of the last batch: taken now, or as it was taken before. */
  async take(nowMs: number): Promise<Snapshot> {
    const taken = await this.#pool.query<SnapshotRow>(TAKE, [new Date(nowMs)])
    const row = taken.rows[0] ?? (await this.#pool.query<SnapshotRow>(FIND_LAST)).rows[0]
    if (row === undefined) throw new Error('The database has no ledger_head; it was not migrated.')
    return snapshotOf(row)
  }
}

function snapshotOf(row: SnapshotRow): Snapshot {
  return {
    batch: BigInt(row.batch),
    createTimeMs: row.create_time.getTime(),
    hash: row.hash,
    accountCount: BigInt(row.account_count),
    totals: row.totals.map((totals) => ({
      ledger: Number(totals.ledger),
      debitsPending: BigInt(totals.debits_pending),
      debitsPosted: BigInt(totals.debits_posted),
      creditsPending: BigInt(totals.credits_pending),
      creditsPosted: BigInt(totals.credits_posted),
    })),
  }
}
