import type pg from 'pg'
import { type Lifecycle } from './account-lifecycle.js'
import { ACCOUNT_COLUMNS, accountOf, type AccountRow } from './postgres-engine/rows.js'
import { uuidArray } from '../runtime/postgres-arrays.js'
import { uuidText, uuidValue } from './postgres-engine/text.js'
import { type Account } from './state-machine/account.js'

export type Labels = Readonly<Record<string, string>>

/** What an account is created with beside the engine. All but the labels never changes. */
export interface NewAccountName {
  /** `accounts/{account}`. */
  readonly name: string
  readonly id: bigint
  readonly assetCode: string
  readonly kind: number
  readonly owner: string
  /** `accounts/{account}`; empty at the top. */
  readonly parent: string
  readonly labels: Labels
}

/** What AccountService knows of an account beside the engine. */
export interface AccountName extends NewAccountName {
  readonly createdLabels: Labels
  /** Raised by every change. */
  readonly revision: bigint
  readonly lifecycle: Lifecycle
  readonly generation: number
}

/** How deep accounts lie under each other, at most; the top counts. */
export const LEVELS_MAX = 8

/** An account by name, with what the engine knows of it. */
export interface NamedAccount {
  readonly name: AccountName
  readonly account: Account
}

/** Reads accounts from the engine; what does not exist is left out. */
export type AccountLookup = (ids: readonly bigint[]) => Promise<readonly Account[]>

/** Which accounts to list; an empty string or zero asks for all. */
export interface AccountListFilter {
  readonly owner: string
  readonly assetCode: string
  readonly kind: number
  readonly parent: string
}

interface NameRow {
  readonly name: string
  readonly account_id: string
  readonly asset_code: string
  readonly kind: number
  readonly owner: string
  readonly labels: Labels
  readonly created_labels: Labels | null
  readonly parent: string | null
  readonly revision: string
  readonly lifecycle: Lifecycle
  readonly generation: number
}

const NAME_COLUMNS = `n.name, n.id as account_id, n.asset_code, n.kind, n.owner, n.labels, n.created_labels, n.parent,
  n.revision::text, n.lifecycle, n.generation`

function nameOf(row: NameRow): AccountName {
  const { name, account_id: id, asset_code: assetCode, kind, owner, labels, lifecycle, generation } = row
  const fixed = { name, id: uuidValue(id), assetCode, kind, owner, parent: row.parent ?? '' }
  const createdLabels = row.created_labels ?? labels
  return { ...fixed, labels, createdLabels, revision: BigInt(row.revision), lifecycle, generation }
}

function namedAccountOf(row: NameRow & AccountRow): NamedAccount {
  return { name: nameOf(row), account: accountOf(row) }
}

// Names of open chains' accounts, mostly the same few hundred; each is a few hundred bytes.
const CACHED_NAMES_MAX = 100_000

/**
 * Names of accounts. A name without an account in the engine is one whose creation was interrupted: it is not found,
 * until somebody creates it again.
 */
export class NamedAccountStore {
  readonly #pool: pg.Pool
  readonly #lookup: AccountLookup | undefined
  /** Names whose engine account was seen. */
  readonly #known = new Map<string, AccountName>()
  readonly #knownById = new Map<bigint, AccountName>()

  /** `lookup` is for an engine that keeps its accounts elsewhere, with nothing but the fact of them in this database. */
  constructor(pool: pg.Pool, lookup?: AccountLookup) {
    this.#pool = pool
    this.#lookup = lookup
  }

  /**
   * The name as it is kept: by this call, or as it was before. Undefined when it was not there and the parent can't have
   * it: one of another asset, too deep, or closed or about to be. The parent's row is locked while it is looked at, so
   * no account comes to lie under one that is being closed.
   */
  // No conflict target: the id is unique too, and of two inserts at once one may meet the other there first.
  async define(name: NewAccountName): Promise<AccountName | undefined> {
    const { name: text, id, assetCode, kind, owner, labels, parent } = name
    await this.#pool.query(
      `insert into named_accounts (name, id, asset_code, kind, owner, labels, parent, level)
      select $1, $2, $3, $4, $5, $6, p.name, coalesce(p.level, 0) + 1
      from (select) as one left join lateral (
        select name, level from named_accounts
        where name = $7 and asset_code = $3 and level < ${LEVELS_MAX} and lifecycle in ('OPEN', 'FROZEN')
        for share
      ) as p on true
      where $7 = '' or p.name is not null
      on conflict do nothing`,
      [text, uuidText(id), assetCode, kind, owner, JSON.stringify(labels), parent],
    )
    const { rows } = await this.#pool.query<NameRow>(`select ${NAME_COLUMNS} from named_accounts n where name = $1`, [
      text,
    ])
    return rows[0] && nameOf(rows[0])
  }

  /** Sets the labels; with an expected revision, only when it is still that. False: it is not, or there is no such row. */
  async changeLabels(name: string, labels: Labels, revision: bigint | undefined): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      `update named_accounts set labels = $2, created_labels = coalesce(created_labels, labels), revision = revision + 1
      where name = $1 and ($3::int8 is null or revision = $3)`,
      [name, JSON.stringify(labels), revision === undefined ? null : String(revision)],
    )
    return rowCount === 1
  }

  /** Moves an account on in its lifecycle, if it still stands where it was read. */
  async changeLifecycle(read: AccountName, lifecycle: Lifecycle, generation: number): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      `update named_accounts set lifecycle = $2, generation = $3, revision = revision + 1
      where name = $1 and lifecycle = $4 and generation = $5`,
      [read.name, lifecycle, generation, read.lifecycle, read.generation],
    )
    return rowCount === 1
  }

  /** Whether an account directly under this one is not closed. One whose creation was interrupted counts. */
  async hasOpenChildren(name: string): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      `select from named_accounts where parent = $1 and lifecycle <> 'CLOSED' limit 1`,
      [name],
    )
    return rowCount !== 0
  }

  async find(name: string): Promise<NamedAccount | undefined> {
    const { rows } = await this.#pool.query<NameRow & AccountRow>({
      name: 'ledger-find-named-account',
      text: `select ${NAME_COLUMNS}, ${ACCOUNT_COLUMNS} from named_accounts n join accounts a on a.id = n.id
        where n.name = $1`,
      values: [name],
    })
    return (await this.#asTheyAre(rows))[0]
  }

  /** The names among these that have an account in the engine. What may change of them may be out of date. */
  async resolve(names: ReadonlySet<string>): Promise<ReadonlyMap<string, AccountName>> {
    const missing = [...names].filter((name) => !this.#known.has(name))
    if (missing.length > 0) {
      const { rows } = await this.#pool.query<NameRow>({
        name: 'ledger-resolve-names',
        text: `select ${NAME_COLUMNS} from named_accounts n join accounts a on a.id = n.id where n.name = any($1)`,
        values: [missing],
      })
      this.#know(rows.map(nameOf))
    }
    const found = new Map<string, AccountName>()
    for (const name of names) {
      const known = this.#known.get(name)
      if (known !== undefined) found.set(name, known)
    }
    return found
  }

  /**
   * The names of accounts by id; what has no name is left out. What may change of them may be out of date, unless
   * `fresh` is asked for.
   */
  async namesOf(ids: readonly bigint[], fresh: boolean): Promise<ReadonlyMap<bigint, AccountName>> {
    const found = new Map<bigint, AccountName>()
    for (const id of fresh ? [] : ids) {
      const known = this.#knownById.get(id)
      if (known !== undefined) found.set(id, known)
    }
    const missing = ids.filter((id) => !found.has(id))
    if (missing.length === 0) return found
    const { rows } = await this.#pool.query<NameRow>({
      name: 'ledger-names-of',
      text: `select ${NAME_COLUMNS} from named_accounts n where n.id = any($1::uuid[])`,
      values: [uuidArray([...new Set(missing)])],
    })
    for (const name of rows.map(nameOf)) found.set(name.id, name)
    return found
  }

  #know(names: readonly AccountName[]): void {
    if (this.#known.size + names.length > CACHED_NAMES_MAX) {
      this.#known.clear()
      this.#knownById.clear()
    }
    for (const name of names) {
      this.#known.set(name.name, name)
      this.#knownById.set(name.id, name)
    }
  }

  /** Accounts created after a timestamp, oldest first. */
  async list(filter: AccountListFilter, afterTimestamp: bigint, countMax: number): Promise<NamedAccount[]> {
    const { rows } = await this.#pool.query<NameRow & AccountRow>(
      `select ${NAME_COLUMNS}, ${ACCOUNT_COLUMNS} from named_accounts n join accounts a on a.id = n.id
      where a.timestamp > $1::int8
        and ($2::text = '' or (n.owner = $2 and n.owner <> ''))
        and ($3::text = '' or n.asset_code = $3)
        and ($4::int2 = 0 or n.kind = $4)
        and ($5::text = '' or n.parent = $5)
      order by a.timestamp limit $6`,
      [String(afterTimestamp), filter.owner, filter.assetCode, filter.kind, filter.parent, countMax],
    )
    return this.#asTheyAre(rows)
  }

  async #asTheyAre(rows: readonly (NameRow & AccountRow)[]): Promise<NamedAccount[]> {
    const noted = rows.map(namedAccountOf)
    if (this.#lookup === undefined) return noted
    const accounts = await this.#lookup(noted.map(({ name }) => name.id))
    const byId = new Map(accounts.map((account) => [account.id, account]))
    return noted.flatMap(({ name }) => {
      const account = byId.get(name.id)
      return account === undefined ? [] : [{ name, account }]
    })
  }
}
