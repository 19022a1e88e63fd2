import type pg from 'pg'
import { type Account, AccountFlag, type BalanceRow } from '../state-machine/account.js'
import {
  type AccountFilter,
  AccountFilterFlag,
  type CommonFilter,
  isValidAccountFilter,
  isValidQueryFilter,
  type QueryFilter,
  QueryFilterFlag,
} from '../state-machine/filters.js'
import { hasFlag, type Transfer } from '../state-machine/transfer.js'
import {
  ACCOUNT_COLUMNS,
  accountOf,
  type AccountRow,
  BALANCE_COLUMNS,
  balanceOf,
  type BalanceTextRow,
  TRANSFER_COLUMNS,
  transferOf,
  type TransferRow,
} from './rows.js'
import { uuidText } from './text.js'

// A statement says only what its filter asks for, and goes without a name, so that the server plans it for these very
// values: each field has an index of its own (migrations/0002_queries.sql), and which of them serves best depends on
// what is asked.

export async function getAccountTransfers(pool: pg.Pool, filter: AccountFilter): Promise<Transfer[]> {
  if (!isValidAccountFilter(filter)) return []
  const query = new Query('t', filter, hasFlag(filter.flags, AccountFilterFlag.REVERSED))
  const account = query.value(uuidText(filter.accountId))
  const sides = sidesOf(filter).map((side) => query.page(TRANSFER_COLUMNS, 'transfers t', `t.${side} = ${account}`))
  const { rows } = await pool.query<TransferRow>(query.merge(sides), query.values)
  return rows.map(transferOf)
}

/** Only accounts with the history flag have rows. */
export async function getAccountBalances(pool: pg.Pool, filter: AccountFilter): Promise<BalanceRow[]> {
  if (!isValidAccountFilter(filter)) return []
  const query = new Query('t', filter, hasFlag(filter.flags, AccountFilterFlag.REVERSED))
  const account = query.value(uuidText(filter.accountId))
  // An account without history may have millions of transfers, which must not be walked to find that it has no rows.
  const kept = `exists (select from accounts where id = ${account} and flags & ${AccountFlag.HISTORY} <> 0)`
  const from = `transfers t join account_balances b on b.account_id = ${account} and b.timestamp = t.timestamp`
  const sides = sidesOf(filter).map((side) => query.page(BALANCE_COLUMNS, from, kept, `t.${side} = ${account}`))
  const { rows } = await pool.query<BalanceTextRow>(query.merge(sides), query.values)
  return rows.map(balanceOf)
}

export async function queryAccounts(pool: pg.Pool, filter: QueryFilter): Promise<Account[]> {
  if (!isValidQueryFilter(filter)) return []
  const query = new Query('a', filter, hasFlag(filter.flags, QueryFilterFlag.REVERSED))
  const text = query.page(ACCOUNT_COLUMNS, 'accounts a', ...ledgerCondition(query, filter))
  const { rows } = await pool.query<AccountRow>(text, query.values)
  return rows.map(accountOf)
}

export async function queryTransfers(pool: pg.Pool, filter: QueryFilter): Promise<Transfer[]> {
  if (!isValidQueryFilter(filter)) return []
  const query = new Query('t', filter, hasFlag(filter.flags, QueryFilterFlag.REVERSED))
  const text = query.page(TRANSFER_COLUMNS, 'transfers t', ...ledgerCondition(query, filter))
  const { rows } = await pool.query<TransferRow>(text, query.values)
  return rows.map(transferOf)
}

/** Each side has its own index and so its own page; a transfer is never on both sides of one account. */
function sidesOf({ flags }: AccountFilter): string[] {
  const debits = hasFlag(flags, AccountFilterFlag.DEBITS) ? ['debit_account_id'] : []
  return hasFlag(flags, AccountFilterFlag.CREDITS) ? [...debits, 'credit_account_id'] : debits
}

function ledgerCondition(query: Query, { ledger }: QueryFilter): string[] {
  return ledger === 0 ? [] : [`${query.alias}.ledger = ${query.value(ledger)}`]
}

/** The text and values of one statement. Every page of it is in the order of the timestamps and as long as asked. */
class Query {
  readonly alias: string
  readonly values: unknown[] = []
  readonly #conditions: readonly string[]
  readonly #limit: string
  readonly #direction: string

  constructor(alias: string, filter: CommonFilter, reversed: boolean) {
    this.alias = alias
    this.#conditions = this.#common(filter)
    this.#limit = this.value(filter.limit)
    this.#direction = reversed ? 'desc' : 'asc'
  }

  /** The placeholder of a value. */
  value(value: string | number): string {
    return `$${this.values.push(value)}`
  }

  page(columns: string, from: string, ...conditions: string[]): string {
    const all = [...conditions, ...this.#conditions]
    const where = all.length === 0 ? '' : `where ${all.join(' and ')}`
    return `select ${columns} from ${from} ${where} order by ${this.alias}.timestamp ${this.#direction} limit ${this.#limit}`
  }

  /** One page out of several. The columns show the timestamp as text, which sorts differently: it is cast back. */
  merge(pages: readonly string[]): string {
    const [only, ...others] = pages
    if (only !== undefined && others.length === 0) return only
    const all = pages.map((page) => `(${page})`).join(' union all ')
    return `select * from (${all}) as pages order by timestamp::int8 ${this.#direction} limit ${this.#limit}`
  }

  /** `<> 0` says again what equality says already, so that the partial indexes are known to hold what is asked for. */
  #common({ userData128, userData64, userData32, code, timestampMin, timestampMax }: CommonFilter): string[] {
    const conditions: string[] = []
    const field = (name: string) => `${this.alias}.${name}`
    if (userData128 !== 0n) conditions.push(`${field('user_data_128')} = ${this.value(uuidText(userData128))}`)
    if (userData64 !== 0n) {
      const value = this.value(String(userData64))
      conditions.push(`${field('user_data_64')} = ${value}`, `${field('user_data_64')} <> 0`)
    }
    if (userData32 !== 0) {
      conditions.push(`${field('user_data_32')} = ${this.value(userData32)}`, `${field('user_data_32')} <> 0`)
    }
    if (code !== 0) conditions.push(`${field('code')} = ${this.value(code)}`)
    if (timestampMin !== 0n) conditions.push(`${field('timestamp')} >= ${this.value(String(timestampMin))}`)
    if (timestampMax !== 0n) conditions.push(`${field('timestamp')} <= ${this.value(String(timestampMax))}`)
    return conditions
  }
}
