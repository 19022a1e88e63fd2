import assert from 'node:assert/strict'
import type pg from 'pg'
import { journalHash } from '../postgres-engine/journal.js'
import {
  ACCOUNT_COLUMNS,
  accountOf,
  type AccountRow,
  failureOf,
  type FailureRow,
  TRANSFER_COLUMNS,
  transferOf,
  type TransferRow,
} from '../postgres-engine/rows.js'
import { uuidValue } from '../postgres-engine/text.js'

/** Proves the books of a database: debits equal credits, balances are their transfers, the hash chain is unbroken. */
export async function verifyBooks(pool: pg.Pool): Promise<void> {
  await assertBalanced(pool)
  await assertBalancesAreTransfers(pool)
  await assertHolds(pool)
  await assertJournal(pool)
}

/** Debits and credits are equal, posted and pending, on every ledger. */
export async function assertBalanced(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query(
    `select ledger from accounts group by ledger
    having sum(debits_posted) <> sum(credits_posted) or sum(debits_pending) <> sum(credits_pending)`,
  )
  assert.deepEqual(rows, [], 'ledgers whose debits and credits differ')
}

/** Flags 2 is pending; 8 voids. A hold counts while its state is pending (1). */
async function assertBalancesAreTransfers(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query(`
    with sums as (
      select account, sum(dp) as dp, sum(dq) as dq, sum(cp) as cp, sum(cq) as cq from (
        select t.debit_account_id as account,
          case when t.flags & 2 <> 0 and p.state = 1 then t.amount else 0 end as dp,
          case when t.flags & 10 = 0 then t.amount else 0 end as dq, 0 as cp, 0 as cq
        from transfers t left join pending_transfers p on p.id = t.id
        union all
        select t.credit_account_id, 0, 0,
          case when t.flags & 2 <> 0 and p.state = 1 then t.amount else 0 end,
          case when t.flags & 10 = 0 then t.amount else 0 end
        from transfers t left join pending_transfers p on p.id = t.id
      ) legs group by account
    )
    select a.id from accounts a left join sums s on s.account = a.id
    where (a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted)
      <> (coalesce(dp, 0), coalesce(dq, 0), coalesce(cp, 0), coalesce(cq, 0))`)
  assert.deepEqual(rows, [], 'accounts whose balances are not the sum of their transfers')
}

/** A hold is posted (2) or voided (3) by one transfer, in the batch that it names, and otherwise by none. */
async function assertHolds(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query(`
    select p.id from pending_transfers p left join transfers t on t.pending_id = p.id
    group by p.id, p.state, p.resolved_batch
    having array_agg(t.batch) <> array[case when p.state in (2, 3) then p.resolved_batch end]
      or (p.state = 1) <> (p.resolved_batch is null)
      or bool_or(t.flags & 4 <> 0) <> (p.state = 2) or bool_or(t.flags & 8 <> 0) <> (p.state = 3)
    union all
    select id from transfers t
    where (flags & 2 <> 0) <> exists (select from pending_transfers p where p.id = t.id)
      or (pending_id is not null and not exists (select from pending_transfers p where p.id = t.pending_id))`)
  assert.deepEqual(rows, [], 'holds that do not agree with what resolved them')
}

interface JournalRow {
  readonly batch: string
  readonly last_timestamp: string
  readonly hash: Buffer
}

/** Computes every hash of the journal again, from the rows of the batches. */
async function assertJournal(pool: pg.Pool): Promise<void> {
  const journal = await pool.query<JournalRow>(
    'select batch::text, last_timestamp::text, hash from journal j order by j.batch',
  )
  const accounts = await byBatch<AccountRow>(
    pool,
    `select ${ACCOUNT_COLUMNS}, batch::text from accounts a order by a.timestamp`,
  )
  const transfers = await byBatch<TransferRow>(
    pool,
    `select ${TRANSFER_COLUMNS}, t.batch::text from transfers t order by t.timestamp`,
  )
  const expired = await byBatch<{ id: string }>(
    pool,
    'select id, resolved_batch::text as batch from pending_transfers where state = 4',
  )
  const failures = await byBatch<FailureRow>(
    pool,
    'select id, status, user_data_64::text, batch::text from failed_transfers',
  )
  let previous: Buffer = Buffer.alloc(32)
  for (const [index, { batch, last_timestamp, hash }] of journal.rows.entries()) {
    assert.equal(BigInt(batch), BigInt(index + 1), 'batches are numbered without a gap')
    const computed = journalHash(previous, {
      batch: BigInt(batch),
      lastTimestamp: BigInt(last_timestamp),
      accounts: (accounts.get(batch) ?? []).map(accountOf),
      transfers: (transfers.get(batch) ?? []).map(transferOf),
      expiredIds: (expired.get(batch) ?? []).map(({ id }) => uuidValue(id)),
      failures: (failures.get(batch) ?? []).map(failureOf),
    })
    assert.ok(computed.equals(hash), `the hash of batch ${batch} is that of its rows`)
    previous = hash
  }
  const head = await pool.query<{ hash: Buffer; batch: string }>('select hash, batch::text from ledger_head')
  const [row] = head.rows
  assert.ok(row?.hash.equals(previous) === true, 'the head has the hash of the last batch')
  assert.equal(row.batch, String(journal.rows.length))
}

async function byBatch<R>(pool: pg.Pool, query: string): Promise<Map<string, R[]>> {
  const { rows } = await pool.query<R & { batch: string }>(query)
  const grouped = new Map<string, R[]>()
  for (const row of rows) {
    const batch = grouped.get(row.batch)
    if (batch === undefined) grouped.set(row.batch, [row])
    else batch.push(row)
  }
  return grouped
}
