import type pg from 'pg'
import { type Account } from '../state-machine/account.js'
import { type FailedTransfer, type Transfer } from '../state-machine/transfer.js'
import { uuidArray } from '../../runtime/postgres-arrays.js'
import {
  ACCOUNT_COLUMNS,
  accountOf,
  type AccountRow,
  failureOf,
  type FailureRow,
  TRANSFER_COLUMNS,
  transferOf,
  type TransferRow,
} from './rows.js'

// Reads go to the store and not to the writer's cache: the cache runs ahead of what is committed, and every replica
// can answer them.

const LOOKUP_ACCOUNTS = `select ${ACCOUNT_COLUMNS} from accounts a where a.id = any($1::uuid[])`
const LOOKUP_TRANSFERS = `select ${TRANSFER_COLUMNS} from transfers t where t.id = any($1::uuid[])`
const LOOKUP_FAILURES = `select id, status, user_data_64::text from failed_transfers where id = any($1::uuid[])`

export async function lookupAccounts(pool: pg.Pool, ids: readonly bigint[]): Promise<Account[]> {
  const values = [uuidArray([...new Set(ids)])]
  const { rows } = await pool.query<AccountRow>(LOOKUP_ACCOUNTS, values)
  return inOrder(ids, rows.map(accountOf))
}

export async function lookupTransfers(pool: pg.Pool, ids: readonly bigint[]): Promise<Transfer[]> {
  const values = [uuidArray([...new Set(ids)])]
  const { rows } = await pool.query<TransferRow>(LOOKUP_TRANSFERS, values)
  return inOrder(ids, rows.map(transferOf))
}

export async function lookupFailures(pool: pg.Pool, ids: readonly bigint[]): Promise<FailedTransfer[]> {
  const values = [uuidArray([...new Set(ids)])]
  const { rows } = await pool.query<FailureRow>(LOOKUP_FAILURES, values)
  return inOrder(ids, rows.map(failureOf))
}

/** In the order asked; an id asked for twice is answered twice. */
function inOrder<T extends { readonly id: bigint }>(ids: readonly bigint[], found: readonly T[]): T[] {
  const byId = new Map(found.map((object) => [object.id, object]))
  return ids.flatMap((id) => byId.get(id) ?? [])
}
