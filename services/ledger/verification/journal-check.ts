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
import { type Bound, type Check, type CheckPage, type Finding, type Read } from './check.js'

// What a batch wrote is never changed, so its hash can be computed again at any time. A broken batch does not hide the
// next: each hash is computed from the stored one before, so that what is named is what was touched.

// A page ends before the batch that would take it over this many rows; a batch alone has about a thousand at most.
const ROWS_MAX = 20_000
const BATCHES_MAX = 2_000

interface JournalRow {
  readonly batch: string
  readonly last_timestamp: string
  readonly account_count: number
  readonly transfer_count: number
  readonly expired_count: number
  readonly failed_count: number
  readonly hash: Buffer
}

export const journalCheck: Check = {
  phase: 'JOURNAL',
  total: (_read, { batch }) => Promise.resolve(batch),
  page,
}

async function page(read: Read, bound: Bound, position: string): Promise<CheckPage> {
  const after = BigInt(position === '' ? 0 : position)
  const batches = await readJournal(read, bound, after)
  const last = batches.at(-1)
  if (last === undefined) return { findings: await endFindings(read, bound, after), checkedCount: 0, next: undefined }
  const rows = await readBatches(read, after, BigInt(last.batch), sum(batches))
  const findings: Finding[] = []
  let previousBatch = after
  let previousHash = await hashOf(read, after)
  for (const journal of batches) {
    const batch = BigInt(journal.batch)
    if (batch !== previousBatch + 1n) {
      findings.push(broken(previousBatch + 1n, 'a row in the journal', `batch ${batch} comes next`))
    }
    findings.push(...batchFindings(journal, previousHash, rows))
    previousBatch = batch
    previousHash = journal.hash
  }
  return { findings, checkedCount: batches.length, next: last.batch }
}

async function readJournal(read: Read, bound: Bound, after: bigint): Promise<JournalRow[]> {
  const found = await read<JournalRow>(
    `select batch::text, last_timestamp::text, account_count, transfer_count, expired_count, failed_count, hash
    from journal j where j.batch > $1::int8 and j.batch <= $2::int8 order by j.batch limit ${BATCHES_MAX}`,
    [String(after), String(bound.batch)],
  )
  let rows = 0
  const tooMany = found.findIndex((journal, index) => (rows += rowsOf(journal)) > ROWS_MAX && index > 0)
  return tooMany === -1 ? found : found.slice(0, tooMany)
}

function rowsOf({ account_count, transfer_count, expired_count, failed_count }: JournalRow): number {
  return account_count + transfer_count + expired_count + failed_count
}

function sum(batches: readonly JournalRow[]): number {
  return batches.reduce((rows, journal) => rows + rowsOf(journal), 0)
}

/** The stored hash of a batch; zeros before the first. A hash that is missing breaks the batch after it too. */
async function hashOf(read: Read, batch: bigint): Promise<Buffer> {
  const [row] = await read<{ hash: Buffer }>('select hash from journal where batch = $1::int8', [String(batch)])
  return row?.hash ?? Buffer.alloc(32)
}

/** What the batches of a page wrote, by table and batch. */
interface BatchRows {
  readonly accounts: ReadonlyMap<string, readonly AccountRow[]>
  readonly transfers: ReadonlyMap<string, readonly TransferRow[]>
  readonly expired: ReadonlyMap<string, readonly { readonly id: string }[]>
  readonly failures: ReadonlyMap<string, readonly FailureRow[]>
}

async function readBatches(read: Read, after: bigint, last: bigint, rowCount: number): Promise<BatchRows> {
  // More rows than the journal counts are a finding; they must not become a page without bounds.
  const values = [String(after), String(last), rowCount + 1000]
  const some = async <R extends object>(text: string) => byBatch(await read<R & { batch: string }>(text, values))
  return {
    accounts: await some<AccountRow>(
      `select ${ACCOUNT_COLUMNS}, a.batch::text from accounts a where a.batch > $1::int8 and a.batch <= $2::int8
      order by a.batch, a.timestamp limit $3`,
    ),
    transfers: await some<TransferRow>(
      `select ${TRANSFER_COLUMNS}, t.batch::text from transfers t where t.batch > $1::int8 and t.batch <= $2::int8
      order by t.batch, t.timestamp limit $3`,
    ),
    expired: await some<{ id: string }>(
      `select id, resolved_batch::text as batch from pending_transfers
      where state = 4 and resolved_batch > $1::int8 and resolved_batch <= $2::int8 order by resolved_batch limit $3`,
    ),
    failures: await some<FailureRow>(
      `select id, status, user_data_64::text, f.batch::text from failed_transfers f
      where f.batch > $1::int8 and f.batch <= $2::int8 order by f.batch limit $3`,
    ),
  }
}

function byBatch<R extends { readonly batch: string }>(rows: readonly R[]): Map<string, R[]> {
  const grouped = new Map<string, R[]>()
  for (const row of rows) {
    const batch = grouped.get(row.batch)
    if (batch === undefined) grouped.set(row.batch, [row])
    else batch.push(row)
  }
  return grouped
}

function batchFindings(journal: JournalRow, previousHash: Buffer, rows: BatchRows): Finding[] {
  const { batch, hash } = journal
  const accounts = rows.accounts.get(batch) ?? []
  const transfers = rows.transfers.get(batch) ?? []
  const expired = rows.expired.get(batch) ?? []
  const failures = rows.failures.get(batch) ?? []
  const wanted = countsText(journal.account_count, journal.transfer_count, journal.expired_count, journal.failed_count)
  const counted = countsText(accounts.length, transfers.length, expired.length, failures.length)
  if (wanted !== counted) return [broken(BigInt(batch), wanted, counted)]
  const computed = journalHash(previousHash, {
    batch: BigInt(batch),
    lastTimestamp: BigInt(journal.last_timestamp),
    accounts: accounts.map(accountOf),
    transfers: transfers.map(transferOf),
    expiredIds: expired.map(({ id }) => uuidValue(id)),
    failures: failures.map(failureOf),
  })
  if (computed.equals(hash)) return []
  return [broken(BigInt(batch), `hash ${computed.toString('hex')}`, `hash ${hash.toString('hex')}`)]
}

function countsText(accounts: number, transfers: number, expired: number, failed: number): string {
  return `${accounts} accounts, ${transfers} transfers, ${expired} expired, ${failed} failed`
}

interface EndRow {
  readonly hash: Buffer | null
  readonly head_batch: string
  readonly head_hash: Buffer
  readonly strays: string
}

/** The journal goes to the head, the head has its hash, and no row is of a batch that there is not. */
async function endFindings(read: Read, bound: Bound, last: bigint): Promise<Finding[]> {
  const missing = last < bound.batch ? [broken(last + 1n, 'a row in the journal', 'the journal ends before')] : []
  const [row] = await read<EndRow>(
    `select h.batch::text as head_batch, h.hash as head_hash, j.hash,
      (select count(*) from (
        (select from accounts a where a.batch > h.batch limit 1) union all
        (select from accounts a where a.batch < 1 limit 1) union all
        (select from transfers t where t.batch > h.batch limit 1) union all
        (select from transfers t where t.batch < 1 limit 1) union all
        (select from failed_transfers f where f.batch > h.batch limit 1) union all
        (select from failed_transfers f where f.batch < 1 limit 1) union all
        (select from journal k where k.batch > h.batch limit 1)
      ) as strays)::text as strays
    from ledger_head h left join journal j on j.batch = h.batch`,
  )
  if (row === undefined) return [...missing, broken(bound.batch, 'a head', 'there is none')]
  const wanted = row.head_batch === '0' ? Buffer.alloc(32) : row.hash
  const findings = [...missing]
  if (wanted === null) {
    if (missing.length === 0) findings.push(broken(BigInt(row.head_batch), 'a row in the journal', 'none'))
  } else if (!row.head_hash.equals(wanted)) {
    const found = `hash ${row.head_hash.toString('hex')} in the head`
    findings.push(broken(BigInt(row.head_batch), `hash ${wanted.toString('hex')} in the head`, found))
  }
  if (row.strays !== '0')
    findings.push(broken(BigInt(row.head_batch) + 1n, 'no rows of it', 'rows that claim to be of it'))
  return findings
}

function broken(batch: bigint, expected: string, found: string): Finding {
  return { kind: 'JOURNAL_BROKEN', subject: `batches/${batch}`, expected, found }
}
