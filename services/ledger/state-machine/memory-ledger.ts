import { type Account, type AccountEvent, AccountFlag, type BalanceRow } from './account.js'
import { createAccounts, createTransfers } from './decide-batch.js'
import { expire } from './expire.js'
import {
  type AccountFilter,
  AccountFilterFlag,
  isValidAccountFilter,
  isValidQueryFilter,
  matchesAccountFilter,
  matchesQueryFilter,
  type QueryFilter,
  QueryFilterFlag,
} from './filters.js'
import { State } from './state.js'
import { type AccountResult, type TransferResult } from './status.js'
import { expiresAt, type FailedTransfer, hasFlag, type Pending, PendingState, type Transfer } from './transfer.js'

/**
 * The whole ledger in memory: the reference that stores are compared with. Reads walk over everything, which is right
 * for a reference and for nothing else.
 */
export class MemoryLedger {
  readonly #accounts = new Map<bigint, Account>()
  readonly #transfers = new Map<bigint, Transfer>()
  readonly #pendings = new Map<bigint, Pending>()
  readonly #failures = new Map<bigint, FailedTransfer>()
  readonly #balanceRows: BalanceRow[] = []
  readonly #state: State
  readonly #nowNs: () => bigint

  constructor(nowNs: () => bigint) {
    this.#nowNs = nowNs
    const contents = {
      accounts: this.#accounts,
      transfers: this.#transfers,
      pendings: this.#pendings,
      failures: this.#failures,
      accountAt: (timestamp: bigint) => some(this.#accounts, (account) => account.timestamp === timestamp),
      transferAt: (timestamp: bigint) => some(this.#transfers, (transfer) => transfer.timestamp === timestamp),
    }
    this.#state = new State(contents, { last: 0n, lastAccount: 0n, lastTransfer: 0n })
  }

  createAccounts(events: readonly AccountEvent[]): AccountResult[] {
    this.#sweep()
    return createAccounts(this.#state, events, this.#nowNs())
  }

  createTransfers(events: readonly Transfer[]): TransferResult[] {
    this.#sweep()
    const results = createTransfers(this.#state, events, this.#nowNs())
    this.#balanceRows.push(...this.#state.takeChanges().balanceRows)
    return results
  }

  lookupAccounts(ids: readonly bigint[]): Account[] {
    this.#sweep()
    return ids.flatMap((id) => this.#accounts.get(id) ?? [])
  }

  lookupTransfers(ids: readonly bigint[]): Transfer[] {
    return ids.flatMap((id) => this.#transfers.get(id) ?? [])
  }

  lookupFailures(ids: readonly bigint[]): FailedTransfer[] {
    return ids.flatMap((id) => this.#failures.get(id) ?? [])
  }

  getAccountTransfers(filter: AccountFilter): Transfer[] {
    if (!isValidAccountFilter(filter)) return []
    const found = [...this.#transfers.values()].filter((transfer) => matchesAccountFilter(filter, transfer))
    return page(found, hasFlag(filter.flags, AccountFilterFlag.REVERSED), filter.limit)
  }

  getAccountBalances(filter: AccountFilter): BalanceRow[] {
    const account = this.#accounts.get(filter.accountId)
    if (account === undefined || !hasFlag(account.flags, AccountFlag.HISTORY)) return []
    const matching = new Set(this.getAccountTransfers(filter).map(({ timestamp }) => timestamp))
    const found = this.#balanceRows.filter((row) => row.accountId === account.id && matching.has(row.timestamp))
    return page(found, hasFlag(filter.flags, AccountFilterFlag.REVERSED), filter.limit)
  }

  queryAccounts(filter: QueryFilter): Account[] {
    this.#sweep()
    return query(filter, this.#accounts)
  }

  queryTransfers(filter: QueryFilter): Transfer[] {
    return query(filter, this.#transfers)
  }

  #sweep(): void {
    const now = this.#nowNs()
    const due: { transfer: Transfer; expiry: bigint }[] = []
    for (const { transferId, state } of this.#pendings.values()) {
      const transfer = this.#transfers.get(transferId)
      const expiry = transfer && state === PendingState.PENDING ? expiresAt(transfer) : undefined
      if (transfer && expiry !== undefined && expiry <= now) due.push({ transfer, expiry })
    }
    due.sort((a, b) => compare(a.expiry, b.expiry) || compare(a.transfer.timestamp, b.transfer.timestamp))
    const transfers = due.map(({ transfer }) => transfer)
    expire(this.#state, transfers, now)
  }
}

function query<T extends Account | Transfer>(filter: QueryFilter, objects: ReadonlyMap<bigint, T>): T[] {
  if (!isValidQueryFilter(filter)) return []
  const found = [...objects.values()].filter((object) => matchesQueryFilter(filter, object))
  return page(found, hasFlag(filter.flags, QueryFilterFlag.REVERSED), filter.limit)
}

function page<T extends { readonly timestamp: bigint }>(found: T[], reversed: boolean, limit: number): T[] {
  found.sort((a, b) => compare(a.timestamp, b.timestamp))
  if (reversed) found.reverse()
  return found.slice(0, limit)
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function some<T>(objects: ReadonlyMap<bigint, T>, claim: (object: T) => boolean): boolean {
  for (const object of objects.values()) if (claim(object)) return true
  return false
}
