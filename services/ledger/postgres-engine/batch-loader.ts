import type pg from 'pg'
import { type Account, type AccountEvent, AccountFlag } from '../state-machine/account.js'
import { type Contents } from '../state-machine/state.js'
import { type TransferStatus } from '../state-machine/status.js'
import { hasFlag, type Pending, type PendingState, type Transfer, TransferFlag } from '../state-machine/transfer.js'
import { type AccountCache } from './account-cache.js'
import { int8Array, uuidArray } from '../../runtime/postgres-arrays.js'
import { ACCOUNT_COLUMNS, accountOf, type AccountRow, TRANSFER_COLUMNS, transferOf, type TransferRow } from './rows.js'
import { uuidValue } from './text.js'

/** The events of one call. */
export type Events =
  | { readonly kind: 'accounts'; readonly events: readonly AccountEvent[] }
  | { readonly kind: 'transfers'; readonly events: readonly Transfer[] }

// Transfers with the state of their hold, and spent ids, which have a status and nothing else.
const FIND_TRANSFERS = {
  name: 'ledger-find-transfers',
  text: `
select ${TRANSFER_COLUMNS}, p.state, null::int4 as status
from transfers t left join pending_transfers p on p.id = t.id
where t.id = any($1::uuid[])
union all
select id, null, null, null, null, null, user_data_64::text, null, null, null, null, null, null, null, status
from failed_transfers where id = any($1::uuid[])`,
}

const FIND_DUE = {
  name: 'ledger-find-due',
  text: `
select ${TRANSFER_COLUMNS}, p.state
from pending_transfers p join transfers t on t.id = p.id
where p.state = 1 and p.expires_at <= $1::int8
order by p.expires_at, p.timestamp
limit $2::int4`,
}

const FIND_ACCOUNTS = {
  name: 'ledger-find-accounts',
  text: `select ${ACCOUNT_COLUMNS} from accounts a where a.id = any($1::uuid[])`,
}

const FIND_TIMESTAMPS = {
  name: 'ledger-find-timestamps',
  text: `
select timestamp::text, true as account from accounts where timestamp = any($1::int8[])
union all
select timestamp::text, false from transfers where timestamp = any($1::int8[])`,
}

type KnownRow =
  | (TransferRow & { readonly state: PendingState | null; readonly status: null })
  | { readonly id: string; readonly user_data_64: string; readonly status: TransferStatus }

type DueRow = TransferRow & { readonly state: PendingState }

/** Loads what the events of a batch may touch. The accounts stay in the cache; the rest is of this batch alone. */
export class BatchLoader {
  readonly contents: Contents
  readonly #client: pg.ClientBase
  readonly #accounts: AccountCache
  readonly #transfers = new Map<bigint, Transfer>()
  readonly #pendings = new Map<bigint, Pending>()
  readonly #failures: Contents['failures'] = new Map()
  readonly #accountTimestamps = new Set<bigint>()
  readonly #transferTimestamps = new Set<bigint>()

  constructor(client: pg.ClientBase, accounts: AccountCache) {
    this.#client = client
    this.#accounts = accounts
    this.contents = {
      accounts,
      transfers: this.#transfers,
      pendings: this.#pendings,
      failures: this.#failures,
      accountAt: (timestamp) => this.#accountTimestamps.has(timestamp),
      transferAt: (timestamp) => this.#transferTimestamps.has(timestamp),
    }
  }

  /**
   * Loads holds that expired by `nowNs`, the first `countMax` in the order of (expiry, timestamp), and answers them. They
   * are released only after `load`, which may load the same hold again because an event names it.
   */
  async loadDue(nowNs: bigint, countMax: number): Promise<Transfer[]> {
    const { rows } = await this.#client.query<DueRow>({ ...FIND_DUE, values: [String(nowNs), countMax] })
    const due = rows.map((row) => this.#keepTransfer(row))
    await this.#loadAccounts(due.flatMap((transfer) => [transfer.debitAccountId, transfer.creditAccountId]))
    return due
  }

  /**
   * Loads what the calls name. Answers the ids of transfers that were not looked up: with `assumeNew` the transfers to
   * create are taken for new, and whoever writes the batch has to make sure that they are.
   */
  async load(calls: readonly Events[], { assumeNew }: { readonly assumeNew: boolean }): Promise<readonly bigint[]> {
    const wanted: Wanted = { newIds: new Set(), knownIds: new Set(), accountIds: new Set(), timestamps: new Set() }
    for (const { kind, events } of calls) {
      if (kind === 'accounts') collectFromAccounts(events, wanted)
      else collectFromTransfers(events, wanted)
    }
    const { newIds, knownIds, accountIds, timestamps } = wanted
    await this.#loadTimestamps(timestamps)
    await this.#loadTransfers(assumeNew ? knownIds : new Set([...newIds, ...knownIds]), accountIds)
    await this.#loadAccounts(accountIds)
    return assumeNew ? [...newIds].filter((id) => !knownIds.has(id)) : []
  }

  /** Adds the accounts of the holds found to `accountIds`: a post or void need not name them. */
  async #loadTransfers(ids: ReadonlySet<bigint>, accountIds: Set<bigint>): Promise<void> {
    if (ids.size === 0) return
    const { rows } = await this.#client.query<KnownRow>({ ...FIND_TRANSFERS, values: [uuidArray([...ids])] })
    for (const row of rows) {
      if (row.status !== null) {
        const id = uuidValue(row.id)
        this.#failures.set(id, { id, status: row.status, userData64: BigInt(row.user_data_64) })
        continue
      }
      const transfer = this.#keepTransfer(row)
      if (row.state !== null) accountIds.add(transfer.debitAccountId).add(transfer.creditAccountId)
    }
  }

  #keepTransfer(row: TransferRow & { readonly state: PendingState | null }): Transfer {
    const transfer = transferOf(row)
    this.#transfers.set(transfer.id, transfer)
    if (row.state !== null) this.#pendings.set(transfer.id, { transferId: transfer.id, state: row.state })
    return transfer
  }

  async #loadAccounts(ids: Iterable<bigint>): Promise<void> {
    const missing = new Set<bigint>()
    for (const id of ids) if (this.#accounts.get(id) === undefined) missing.add(id)
    if (missing.size === 0) return
    const { rows } = await this.#client.query<AccountRow>({ ...FIND_ACCOUNTS, values: [uuidArray([...missing])] })
    for (const row of rows) {
      const account: Account = accountOf(row)
      this.#accounts.set(account.id, account)
    }
  }

  async #loadTimestamps(timestamps: ReadonlySet<bigint>): Promise<void> {
    if (timestamps.size === 0) return
    const { rows } = await this.#client.query<{ timestamp: string; account: boolean }>({
      ...FIND_TIMESTAMPS,
      values: [int8Array([...timestamps])],
    })
    for (const { timestamp, account } of rows) {
      const found = account ? this.#accountTimestamps : this.#transferTimestamps
      found.add(BigInt(timestamp))
    }
  }
}

/** What calls name. */
interface Wanted {
  /** Transfers to create. */
  readonly newIds: Set<bigint>
  /** Holds to post or void. */
  readonly knownIds: Set<bigint>
  readonly accountIds: Set<bigint>
  /** Of imported events. */
  readonly timestamps: Set<bigint>
}

function collectFromAccounts(events: readonly AccountEvent[], { accountIds, timestamps }: Wanted): void {
  for (const event of events) {
    accountIds.add(event.id)
    if (hasFlag(event.flags, AccountFlag.IMPORTED)) timestamps.add(BigInt.asIntN(64, event.timestamp))
  }
}

function collectFromTransfers(events: readonly Transfer[], { newIds, knownIds, accountIds, timestamps }: Wanted): void {
  for (const event of events) {
    newIds.add(event.id)
    if (event.pendingId !== 0n) knownIds.add(event.pendingId)
    if (event.debitAccountId !== 0n) accountIds.add(event.debitAccountId)
    if (event.creditAccountId !== 0n) accountIds.add(event.creditAccountId)
    if (hasFlag(event.flags, TransferFlag.IMPORTED)) timestamps.add(BigInt.asIntN(64, event.timestamp))
  }
}
