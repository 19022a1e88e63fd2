import type pg from 'pg'
import { type Account } from '../state-machine/account.js'
import { type Changes, type Clocks } from '../state-machine/state.js'
import { expiresAt, hasFlag, PendingState, type Transfer, TransferFlag } from '../state-machine/transfer.js'
import { journalHash } from './journal.js'
import { arrayText, uuidOrNullText, uuidText } from './text.js'

/** Where the ledger in the store stands; the row of `ledger_head` as the writer knows it. */
export interface Head {
  /** Which term of office the writer is in. */
  readonly epoch: bigint
  readonly batch: bigint
  readonly clocks: Readonly<Clocks>
  readonly hash: Buffer
}

// Everything that a batch changes, in one statement: atomic by itself, so a batch costs one trip and not three. When
// the head is not as this writer left it, `head` is empty, and every other part joins with it and does nothing.
//
// A part can't see what another part of the same statement wrote, so accounts and pending transfers made in this batch
// are inserted as they are at its end, and only older ones are updated.
const WRITE = `
with head as (
  update ledger_head
  set batch = $2::int8, last_timestamp = $3::int8, last_account_timestamp = $4::int8,
    last_transfer_timestamp = $5::int8, hash = $6::bytea
  where epoch = $1::int8 and batch = $2::int8 - 1
  returning batch
), journal_row as (
  insert into journal (batch, epoch, last_timestamp, account_count, transfer_count, expired_count, failed_count, hash)
  select batch, $1::int8, $3::int8, $7::int4, $8::int4, $9::int4, $10::int4, $6::bytea from head
), new_transfers as (
  insert into transfers (timestamp, batch, ledger, timeout_seconds, user_data_32, code, flags, id, debit_account_id,
    credit_account_id, pending_id, user_data_128, user_data_64, amount)
  select n.timestamp, batch, n.ledger, n.timeout_seconds, n.user_data_32, n.code, n.flags, n.id, n.debit_account_id,
    n.credit_account_id, n.pending_id, n.user_data_128, n.user_data_64, n.amount
  from head, unnest($11::int8[], $12::int8[], $13::int8[], $14::int8[], $15::int4[], $16::int4[], $17::uuid[],
      $18::uuid[], $19::uuid[], $20::uuid[], $21::uuid[], $22::numeric[], $23::numeric[])
    as n(timestamp, ledger, timeout_seconds, user_data_32, code, flags, id, debit_account_id, credit_account_id,
      pending_id, user_data_128, user_data_64, amount)
), moved_accounts as (
  update accounts a
  set debits_pending = n.debits_pending, debits_posted = n.debits_posted, credits_pending = n.credits_pending,
    credits_posted = n.credits_posted, closed = n.closed
  from head, unnest($24::uuid[], $25::numeric[], $26::numeric[], $27::numeric[], $28::numeric[], $29::boolean[])
    as n(id, debits_pending, debits_posted, credits_pending, credits_posted, closed)
  where a.id = n.id`

const WRITE_REST = `
), new_accounts as (
  insert into accounts (timestamp, batch, ledger, user_data_32, code, flags, closed, id, user_data_128, user_data_64,
    debits_pending, debits_posted, credits_pending, credits_posted)
  select n.timestamp, batch, n.ledger, n.user_data_32, n.code, n.flags, n.closed, n.id, n.user_data_128,
    n.user_data_64, n.debits_pending, n.debits_posted, n.credits_pending, n.credits_posted
  from head, unnest($30::int8[], $31::int8[], $32::int8[], $33::int4[], $34::int4[], $35::boolean[], $36::uuid[],
      $37::uuid[], $38::numeric[], $39::numeric[], $40::numeric[], $41::numeric[], $42::numeric[])
    as n(timestamp, ledger, user_data_32, code, flags, closed, id, user_data_128, user_data_64, debits_pending,
      debits_posted, credits_pending, credits_posted)
), new_pendings as (
  insert into pending_transfers (timestamp, expires_at, resolved_batch, state, id)
  select n.timestamp, n.expires_at, case when n.state <> 1 then batch end, n.state, n.id
  from head, unnest($43::int8[], $44::int8[], $45::int2[], $46::uuid[]) as n(timestamp, expires_at, state, id)
), resolved_pendings as (
  update pending_transfers p
  set state = n.state, resolved_batch = batch
  from head, unnest($47::uuid[], $48::int2[]) as n(id, state)
  where p.id = n.id
), new_failures as (
  insert into failed_transfers (batch, status, id, user_data_64)
  select batch, n.status, n.id, n.user_data_64
  from head, unnest($49::int4[], $50::uuid[], $51::numeric[]) as n(status, id, user_data_64)
), new_balances as (
  insert into account_balances (timestamp, account_id, debits_pending, debits_posted, credits_pending, credits_posted)
  select n.timestamp, n.account_id, n.debits_pending, n.debits_posted, n.credits_pending, n.credits_posted
  from head, unnest($52::int8[], $53::uuid[], $54::numeric[], $55::numeric[], $56::numeric[], $57::numeric[])
    as n(timestamp, account_id, debits_pending, debits_posted, credits_pending, credits_posted)`

const WRITE_END = `
)
select batch from head`

// Most batches only move money between accounts that exist. Leaving the other parts out of their statement saves their
// share of its start-up, which a batch of few transfers would feel.
const WRITE_MOVES = { name: 'ledger-write-moves', text: WRITE + WRITE_END }
const WRITE_ALL = { name: 'ledger-write-all', text: WRITE + WRITE_REST + WRITE_END }

/**
 * Writes what a batch changed and answers the new head; undefined when this writer has been replaced and nothing was
 * written. Rejects with the driver's error; whether the batch was written is then unknown unless the server said so.
 */
export async function writeBatch(
  client: pg.ClientBase,
  head: Head,
  changes: Changes,
  clocks: Readonly<Clocks>,
): Promise<Head | undefined> {
  const created = new Set<bigint>()
  for (const transfer of changes.newTransfers) {
    if (hasFlag(transfer.flags, TransferFlag.PENDING)) created.add(transfer.id)
  }
  const resolved = [...changes.touchedPendings].filter(({ transferId }) => !created.has(transferId))
  const expiredIds = resolved.filter(({ state }) => state === PendingState.EXPIRED).map((p) => p.transferId)
  const batch = head.batch + 1n
  const hash = journalHash(head.hash, {
    batch,
    lastTimestamp: clocks.last,
    accounts: changes.newAccounts,
    transfers: changes.newTransfers,
    expiredIds,
    failures: changes.failures,
  })
  const values: unknown[] = [
    String(head.epoch),
    String(batch),
    String(clocks.last),
    String(clocks.lastAccount),
    String(clocks.lastTransfer),
    hash,
    changes.newAccounts.length,
    changes.newTransfers.length,
    expiredIds.length,
    changes.failures.length,
    ...transferColumns(changes.newTransfers),
    ...movedColumns(changes),
  ]
  const movesOnly =
    changes.newAccounts.length === 0 &&
    changes.touchedPendings.size === 0 &&
    changes.failures.length === 0 &&
    changes.balanceRows.length === 0
  if (!movesOnly) {
    values.push(
      ...accountColumns(changes.newAccounts),
      ...pendingColumns(changes, created),
      column(resolved, (p) => uuidText(p.transferId)),
      column(resolved, (p) => p.state),
      column(changes.failures, (f) => f.status),
      column(changes.failures, (f) => uuidText(f.id)),
      column(changes.failures, (f) => f.userData64),
      ...balanceColumns(changes),
    )
  }
  const result = await client.query({ ...(movesOnly ? WRITE_MOVES : WRITE_ALL), values })
  return result.rowCount === 1 ? { epoch: head.epoch, batch, clocks: { ...clocks }, hash } : undefined
}

function column<T>(objects: readonly T[], text: (object: T) => string | number | bigint): string {
  return arrayText(objects.map((object) => String(text(object))))
}

function transferColumns(transfers: readonly Transfer[]): string[] {
  return [
    column(transfers, (t) => t.timestamp),
    column(transfers, (t) => t.ledger),
    column(transfers, (t) => t.timeoutSeconds),
    column(transfers, (t) => t.userData32),
    column(transfers, (t) => t.code),
    column(transfers, (t) => t.flags),
    column(transfers, (t) => uuidText(t.id)),
    column(transfers, (t) => uuidText(t.debitAccountId)),
    column(transfers, (t) => uuidText(t.creditAccountId)),
    column(transfers, (t) => uuidOrNullText(t.pendingId)),
    column(transfers, (t) => uuidOrNullText(t.userData128)),
    column(transfers, (t) => t.userData64),
    column(transfers, (t) => t.amount),
  ]
}

function movedColumns({ newAccounts, touchedAccounts }: Changes): string[] {
  const made = new Set(newAccounts)
  const moved = [...touchedAccounts].filter((account) => !made.has(account))
  return [column(moved, (a) => uuidText(a.id)), ...counterColumns(moved), column(moved, (a) => (a.closed ? 't' : 'f'))]
}

function accountColumns(accounts: readonly Account[]): string[] {
  return [
    column(accounts, (a) => a.timestamp),
    column(accounts, (a) => a.ledger),
    column(accounts, (a) => a.userData32),
    column(accounts, (a) => a.code),
    column(accounts, (a) => a.flags),
    column(accounts, (a) => (a.closed ? 't' : 'f')),
    column(accounts, (a) => uuidText(a.id)),
    column(accounts, (a) => uuidOrNullText(a.userData128)),
    column(accounts, (a) => a.userData64),
    ...counterColumns(accounts),
  ]
}

function pendingColumns({ newTransfers, touchedPendings }: Changes, created: ReadonlySet<bigint>): string[] {
  const states = new Map<bigint, PendingState>()
  for (const { transferId, state } of touchedPendings) states.set(transferId, state)
  const pendings = newTransfers.filter(({ id }) => created.has(id))
  return [
    column(pendings, (t) => t.timestamp),
    column(pendings, (t) => expiresAt(t) ?? 'NULL'),
    column(pendings, (t) => states.get(t.id) ?? PendingState.PENDING),
    column(pendings, (t) => uuidText(t.id)),
  ]
}

function balanceColumns({ balanceRows }: Changes): string[] {
  return [
    column(balanceRows, (row) => row.timestamp),
    column(balanceRows, (row) => uuidText(row.accountId)),
    ...counterColumns(balanceRows),
  ]
}

function counterColumns(
  objects: readonly Pick<Account, 'debitsPending' | 'debitsPosted' | 'creditsPending' | 'creditsPosted'>[],
): string[] {
  return [
    column(objects, (o) => o.debitsPending),
    column(objects, (o) => o.debitsPosted),
    column(objects, (o) => o.creditsPending),
    column(objects, (o) => o.creditsPosted),
  ]
}
