import type pg from 'pg'
import { type Account } from '../state-machine/account.js'
import { type Changes, type Clocks } from '../state-machine/state.js'
import {
  expiresAt,
  hasFlag,
  type Pending,
  PendingState,
  type Transfer,
  TransferFlag,
} from '../state-machine/transfer.js'
import { journalHash } from './journal.js'
import {
  boolArray,
  int2Array,
  int4Array,
  int8Array,
  numericArray,
  uuidArray,
  uuidOrNullArray,
} from '../../runtime/postgres-arrays.js'

/** Where the ledger in the store stands; the row of `ledger_head` as the writer knows it. */
export interface Head {
  /** Which term of office the writer is in. */
  readonly epoch: bigint
  readonly batch: bigint
  readonly clocks: Readonly<Clocks>
  readonly hash: Buffer
}

// Transfers are taken for new when they are decided; a look-up before every batch would cost each a trip of its own.
// This is where it shows when one was not.
const NONE_KNOWN = (ids: string) => `
    not exists (select from transfers where id = any(${ids}::uuid[]))
    and not exists (select from failed_transfers where id = any(${ids}::uuid[]))`

// Everything that a batch changes, in one statement: atomic by itself, so a batch costs one trip and not three. When
// the head is not as this writer left it, or a transfer is not new, `head` is empty, and every other part joins with it
// and does nothing.
//
// A part can't see what another part of the same statement wrote, so accounts and pending transfers made in this batch
// are inserted as they are at its end, and only older ones are updated.
const WRITE = `
with head as (
  update ledger_head
  set batch = $2::int8, last_timestamp = $3::int8, last_account_timestamp = $4::int8,
    last_transfer_timestamp = $5::int8, hash = $6::bytea
  where epoch = $1::int8 and batch = $2::int8 - 1 and ${NONE_KNOWN('$11')}
  returning batch
), journal_row as (
  insert into journal (batch, epoch, last_timestamp, account_count, transfer_count, expired_count, failed_count, hash)
  select batch, $1::int8, $3::int8, $7::int4, $8::int4, $9::int4, $10::int4, $6::bytea from head
), new_transfers as (
  insert into transfers (timestamp, batch, ledger, timeout_seconds, user_data_32, code, flags, id, debit_account_id,
    credit_account_id, pending_id, user_data_128, user_data_64, amount)
  select n.timestamp, batch, n.ledger, n.timeout_seconds, n.user_data_32, n.code, n.flags, n.id, n.debit_account_id,
    n.credit_account_id, n.pending_id, n.user_data_128, n.user_data_64, n.amount
  from head, unnest($12::int8[], $13::int8[], $14::int8[], $15::int8[], $16::int4[], $17::int4[], $18::uuid[],
      $19::uuid[], $20::uuid[], $21::uuid[], $22::uuid[], $23::numeric[], $24::numeric[])
    as n(timestamp, ledger, timeout_seconds, user_data_32, code, flags, id, debit_account_id, credit_account_id,
      pending_id, user_data_128, user_data_64, amount)
), moved_accounts as (
  update accounts a
  set debits_pending = n.debits_pending, debits_posted = n.debits_posted, credits_pending = n.credits_pending,
    credits_posted = n.credits_posted, closed = n.closed
  from head, unnest($25::uuid[], $26::numeric[], $27::numeric[], $28::numeric[], $29::numeric[], $30::boolean[])
    as n(id, debits_pending, debits_posted, credits_pending, credits_posted, closed)
  where a.id = n.id`

const WRITE_REST = `
), new_accounts as (
  insert into accounts (timestamp, batch, ledger, user_data_32, code, flags, closed, id, user_data_128, user_data_64,
    debits_pending, debits_posted, credits_pending, credits_posted)
  select n.timestamp, batch, n.ledger, n.user_data_32, n.code, n.flags, n.closed, n.id, n.user_data_128,
    n.user_data_64, n.debits_pending, n.debits_posted, n.credits_pending, n.credits_posted
  from head, unnest($31::int8[], $32::int8[], $33::int8[], $34::int4[], $35::int4[], $36::boolean[], $37::uuid[],
      $38::uuid[], $39::numeric[], $40::numeric[], $41::numeric[], $42::numeric[], $43::numeric[])
    as n(timestamp, ledger, user_data_32, code, flags, closed, id, user_data_128, user_data_64, debits_pending,
      debits_posted, credits_pending, credits_posted)
), new_pendings as (
  insert into pending_transfers (timestamp, expires_at, resolved_batch, state, id)
  select n.timestamp, n.expires_at, case when n.state <> 1 then batch end, n.state, n.id
  from head, unnest($44::int8[], $45::int8[], $46::int2[], $47::uuid[]) as n(timestamp, expires_at, state, id)
), resolved_pendings as (
  update pending_transfers p
  set state = n.state, resolved_batch = batch
  from head, unnest($48::uuid[], $49::int2[]) as n(id, state)
  where p.id = n.id
), new_failures as (
  insert into failed_transfers (batch, status, id, user_data_64)
  select batch, n.status, n.id, n.user_data_64
  from head, unnest($50::int4[], $51::uuid[], $52::numeric[]) as n(status, id, user_data_64)
), new_balances as (
  insert into account_balances (timestamp, account_id, debits_pending, debits_posted, credits_pending, credits_posted)
  select n.timestamp, n.account_id, n.debits_pending, n.debits_posted, n.credits_pending, n.credits_posted
  from head, unnest($53::int8[], $54::uuid[], $55::numeric[], $56::numeric[], $57::numeric[], $58::numeric[])
    as n(timestamp, account_id, debits_pending, debits_posted, credits_pending, credits_posted)`

const WRITE_END = `
)
select batch from head`

// Most batches only move money between accounts that exist. Leaving the other parts out of their statement saves their
// share of its start-up, which a batch of few transfers would feel.
const WRITE_MOVES = { name: 'ledger-write-moves', text: WRITE + WRITE_END }
const WRITE_ALL = { name: 'ledger-write-all', text: WRITE + WRITE_REST + WRITE_END }

const CONFIRM = {
  name: 'ledger-confirm',
  text: `select from ledger_head where epoch = $1::int8 and batch = $2::int8 and ${NONE_KNOWN('$3')}`,
}

/** What was decided, and on what it rests. */
export interface DecidedBatch {
  readonly changes: Changes
  readonly clocks: Readonly<Clocks>
  /** Transfers that were taken for new. */
  readonly assumedNewIds: readonly bigint[]
}

/** The statement that commits a batch, and where the ledger then stands. */
export interface PreparedBatch {
  readonly query: pg.QueryConfig
  readonly head: Head
}

/**
 * Makes the statement of a batch. It answers one row when it did its work, and none when this writer has been replaced or one of
 * the assumed-new ids is known; then nothing was written. A batch without changes is held against the store all the
 * same: its statuses follow from what this writer believes. Throws a RangeError when a counter fell below zero.
 */
export function prepareBatch(head: Head, decided: DecidedBatch): PreparedBatch {
  return isEmpty(decided.changes) ? confirmation(head, decided) : write(head, decided)
}

function confirmation(head: Head, { clocks, assumedNewIds }: DecidedBatch): PreparedBatch {
  const values = [String(head.epoch), String(head.batch), uuidArray(assumedNewIds)]
  return { query: { ...CONFIRM, values }, head: { ...head, clocks: { ...head.clocks, last: clocks.last } } }
}

function write(head: Head, { changes, clocks, assumedNewIds }: DecidedBatch): PreparedBatch {
  const holds = holdsOf(changes)
  const batch = head.batch + 1n
  const expiredIds = holds.resolved.filter(({ state }) => state === PendingState.EXPIRED).map((p) => p.transferId)
  const hash = journalHash(head.hash, {
    batch,
    lastTimestamp: clocks.last,
    accounts: changes.newAccounts,
    transfers: changes.newTransfers,
    expiredIds,
    failures: changes.failures,
  })
  const movesOnly =
    changes.newAccounts.length === 0 &&
    changes.touchedPendings.size === 0 &&
    changes.failures.length === 0 &&
    changes.balanceRows.length === 0
  const values = [
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
    uuidArray(assumedNewIds),
    ...transferColumns(changes.newTransfers),
    ...movedColumns(changes),
    ...(movesOnly ? [] : restColumns(changes, holds)),
  ]
  const query = { ...(movesOnly ? WRITE_MOVES : WRITE_ALL), values }
  return { query, head: { epoch: head.epoch, batch, clocks: { ...clocks }, hash } }
}

/** Holds that a batch made, and older ones that it ended. */
interface Holds {
  readonly made: readonly Transfer[]
  readonly resolved: readonly Pending[]
}

function holdsOf({ newTransfers, touchedPendings }: Changes): Holds {
  const made = newTransfers.filter(({ flags }) => hasFlag(flags, TransferFlag.PENDING))
  const madeIds = new Set(made.map(({ id }) => id))
  return { made, resolved: [...touchedPendings].filter(({ transferId }) => !madeIds.has(transferId)) }
}

function restColumns(changes: Changes, { made, resolved }: Holds): Buffer[] {
  return [
    ...accountColumns(changes.newAccounts),
    ...pendingColumns(changes, made),
    uuidArray(resolved.map((p) => p.transferId)),
    int2Array(resolved.map((p) => p.state)),
    int4Array(changes.failures.map((f) => f.status)),
    uuidArray(changes.failures.map((f) => f.id)),
    numericArray(changes.failures.map((f) => f.userData64)),
    ...balanceColumns(changes),
  ]
}

function transferColumns(transfers: readonly Transfer[]): Buffer[] {
  return [
    int8Array(transfers.map((t) => t.timestamp)),
    int8Array(transfers.map((t) => t.ledger)),
    int8Array(transfers.map((t) => t.timeoutSeconds)),
    int8Array(transfers.map((t) => t.userData32)),
    int4Array(transfers.map((t) => t.code)),
    int4Array(transfers.map((t) => t.flags)),
    uuidArray(transfers.map((t) => t.id)),
    uuidArray(transfers.map((t) => t.debitAccountId)),
    uuidArray(transfers.map((t) => t.creditAccountId)),
    uuidOrNullArray(transfers.map((t) => t.pendingId)),
    uuidOrNullArray(transfers.map((t) => t.userData128)),
    numericArray(transfers.map((t) => t.userData64)),
    numericArray(transfers.map((t) => t.amount)),
  ]
}

function movedColumns({ newAccounts, touchedAccounts }: Changes): Buffer[] {
  const made = new Set(newAccounts)
  const moved = [...touchedAccounts].filter((account) => !made.has(account))
  return [uuidArray(moved.map((a) => a.id)), ...counterColumns(moved), boolArray(moved.map((a) => a.closed))]
}

function accountColumns(accounts: readonly Account[]): Buffer[] {
  return [
    int8Array(accounts.map((a) => a.timestamp)),
    int8Array(accounts.map((a) => a.ledger)),
    int8Array(accounts.map((a) => a.userData32)),
    int4Array(accounts.map((a) => a.code)),
    int4Array(accounts.map((a) => a.flags)),
    boolArray(accounts.map((a) => a.closed)),
    uuidArray(accounts.map((a) => a.id)),
    uuidOrNullArray(accounts.map((a) => a.userData128)),
    numericArray(accounts.map((a) => a.userData64)),
    ...counterColumns(accounts),
  ]
}

function pendingColumns({ touchedPendings }: Changes, pendings: readonly Transfer[]): Buffer[] {
  const states = new Map<bigint, PendingState>()
  for (const { transferId, state } of touchedPendings) states.set(transferId, state)
  return [
    int8Array(pendings.map((t) => t.timestamp)),
    int8Array(pendings.map(expiresAt)),
    int2Array(pendings.map((t) => states.get(t.id) ?? PendingState.PENDING)),
    uuidArray(pendings.map((t) => t.id)),
  ]
}

function balanceColumns({ balanceRows }: Changes): Buffer[] {
  return [
    int8Array(balanceRows.map((row) => row.timestamp)),
    uuidArray(balanceRows.map((row) => row.accountId)),
    ...counterColumns(balanceRows),
  ]
}

function counterColumns(
  objects: readonly Pick<Account, 'debitsPending' | 'debitsPosted' | 'creditsPending' | 'creditsPosted'>[],
): Buffer[] {
  return [
    numericArray(objects.map((o) => o.debitsPending)),
    numericArray(objects.map((o) => o.debitsPosted)),
    numericArray(objects.map((o) => o.creditsPending)),
    numericArray(objects.map((o) => o.creditsPosted)),
  ]
}

function isEmpty(changes: Changes): boolean {
  return (
    changes.newAccounts.length === 0 &&
    changes.newTransfers.length === 0 &&
    changes.touchedPendings.size === 0 &&
    changes.failures.length === 0
  )
}
