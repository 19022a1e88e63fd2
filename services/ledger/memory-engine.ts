import { type Clock } from '../runtime/clock.js'
import { type Decided, type Engine, NONE_READ_LATER, type TransferOptions } from './engine.js'
import { type Account, type AccountEvent, type BalanceRow } from './state-machine/account.js'
import { type AccountFilter, type QueryFilter } from './state-machine/filters.js'
import { MemoryLedger } from './state-machine/memory-ledger.js'
import { type AccountResult } from './state-machine/status.js'
import { type FailedTransfer, type Transfer } from './state-machine/transfer.js'

/** The reference ledger as an engine, to compare other engines with. It forgets everything with its process. */
export class MemoryEngine implements Engine {
  readonly #ledger: MemoryLedger

  constructor(clock: Clock) {
    this.#ledger = new MemoryLedger(() => clock.nowNs())
  }

  createAccounts(events: readonly AccountEvent[]): Promise<AccountResult[]> {
    return answer(() => this.#ledger.createAccounts(events))
  }

  createTransfers(events: readonly Transfer[], { withAccounts = false }: TransferOptions = {}): Promise<Decided> {
    return answer(() => {
      const results = this.#ledger.createTransfers(events)
      const accounts = withAccounts ? this.#accountsOf(events) : []
      return { results, accounts, accountsReadLater: NONE_READ_LATER }
    })
  }

  lookupAccounts(ids: readonly bigint[]): Promise<Account[]> {
    return answer(() => this.#ledger.lookupAccounts(ids).map(copy))
  }

  lookupTransfers(ids: readonly bigint[]): Promise<Transfer[]> {
    return answer(() => this.#ledger.lookupTransfers(ids))
  }

  lookupFailures(ids: readonly bigint[]): Promise<FailedTransfer[]> {
    return answer(() => this.#ledger.lookupFailures(ids))
  }

  getAccountTransfers(filter: AccountFilter): Promise<Transfer[]> {
    return answer(() => this.#ledger.getAccountTransfers(filter))
  }

  getAccountBalances(filter: AccountFilter): Promise<BalanceRow[]> {
    return answer(() => this.#ledger.getAccountBalances(filter))
  }

  queryAccounts(filter: QueryFilter): Promise<Account[]> {
    return answer(() => this.#ledger.queryAccounts(filter).map(copy))
  }

  queryTransfers(filter: QueryFilter): Promise<Transfer[]> {
    return answer(() => this.#ledger.queryTransfers(filter))
  }

  #accountsOf(events: readonly Transfer[]): Account[] {
    const kept = this.#ledger.lookupTransfers(events.map(({ id }) => id))
    const ids = new Set(kept.flatMap(({ debitAccountId, creditAccountId }) => [debitAccountId, creditAccountId]))
    return this.#ledger.lookupAccounts([...ids]).map(copy)
  }
}

/** The ledger goes on changing its own. */
function copy(account: Account): Account {
  return { ...account }
}

/** What fails, fails as a rejection. */
function answer<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(work())
  })
}
