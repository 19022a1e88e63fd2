import type pg from 'pg'
import { ACCOUNT_COLUMNS, accountOf, type AccountRow } from './postgres-engine/rows.js'
import { uuidArrayText, uuidText, uuidValue } from './postgres-engine/text.js'
import { type Account } from './state-machine/account.js'

/** What AccountService knows of an account beside the engine. Never changes. */
export interface AccountName {
  /** `accounts/{account}`. */
  readonly name: string
  readonly id: bigint
  readonly assetCode: string
  readonly kind: number
  readonly owner: string
  readonly labels: Readonly<Record<string, string>>
}

/** An account by name, with what the engine knows of it. */
export interface NamedAccount {
  readonly name: AccountName
  readonly account: Account
}

/** Which accounts to list; an empty string or zero asks for all. */
export interface AccountListFilter {
  readonly owner: string
  readonly assetCode: string
  readonly kind: number
}

interface NameRow {
  readonly name: string
  readonly account_id: string
  readonly asset_code: string
  readonly kind: number
  readonly owner: string
  readonly labels: Record<string, string>
}

const NAME_COLUMNS = 'n.name, n.id as account_id, n.asset_code, n.kind, n.owner, n.labels'

function nameOf(row: NameRow): AccountName {
  const { name, account_id: id, asset_code: assetCode, kind, owner, labels } = row
  return { name, id: uuidValue(id), assetCode, kind, owner, labels }
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
  /** Names whose engine account was seen. */
  readonly #known = new Map<string, AccountName>()
  readonly #knownById = new Map<bigint, AccountName>()

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** The name as it is kept: by this call, or as it was before. */
  async define(name: AccountName): Promise<AccountName> {
    const { name: text, id, assetCode, kind, owner, labels } = name
    await this.#pool.query(
      `insert into named_accounts (name, id, asset_code, kind, owner, labels) values ($1, $2, $3, $4, $5, $6)
      on conflict (name) do nothing`,
      [text, uuidText(id), assetCode, kind, owner, JSON.stringify(labels)],
    )
    const { rows } = await this.#pool.query<NameRow>(`select ${NAME_COLUMNS} from named_accounts n where name = $1`, [
      text,
    ])
    const row = rows[0]
    if (row === undefined) throw new Error(`the name ${text} vanished`)
    return nameOf(row)
  }

  async find(name: string): Promise<NamedAccount | undefined> {
    const { rows } = await this.#pool.query<NameRow & AccountRow>({
      name: 'ledger-find-named-account',
      text: `select ${NAME_COLUMNS}, ${ACCOUNT_COLUMNS} from named_accounts n join accounts a on a.id = n.id
        where n.name = $1`,
      values: [name],
    })
    return rows[0] && namedAccountOf(rows[0])
  }

  /** The names among these that have an account in the engine. */
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

  /** The names of accounts by id; what has no name is left out. */
  async namesOf(ids: readonly bigint[]): Promise<ReadonlyMap<bigint, AccountName>> {
    const found = new Map<bigint, AccountName>()
    for (const id of ids) {
      const known = this.#knownById.get(id)
      if (known !== undefined) found.set(id, known)
    }
    const missing = ids.filter((id) => !found.has(id))
    if (missing.length === 0) return found
    const { rows } = await this.#pool.query<NameRow>({
      name: 'ledger-names-of',
      text: `select ${NAME_COLUMNS} from named_accounts n where n.id = any($1::uuid[])`,
      values: [uuidArrayText(new Set(missing))],
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
      order by a.timestamp limit $5`,
      [String(afterTimestamp), filter.owner, filter.assetCode, filter.kind, countMax],
    )
    return rows.map(namedAccountOf)
  }
}
