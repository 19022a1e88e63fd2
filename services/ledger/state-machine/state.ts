import { type Account, AccountFlag, type BalanceRow } from './account.js'
import { type TransferStatus } from './status.js'
import { type FailedTransfer, hasFlag, type Pending, PendingState, type Transfer } from './transfer.js'

/** Objects by id. An engine may keep more or fewer of them at hand, as long as all that a batch names are there. */
export interface Index<T> {
  get(id: bigint): T | undefined
  set(id: bigint, value: T): void
  delete(id: bigint): void
}

/** What the decisions read; everything that the batch at hand may touch must be in it. */
export interface Contents {
  readonly accounts: Index<Account>
  readonly transfers: Index<Transfer>
  /** By the id of the pending transfer. */
  readonly pendings: Index<Pending>
  /** By the id that the failure spent. */
  readonly failures: Index<FailedTransfer>
  /** Whether an account that is not of this batch was created at exactly this timestamp. For imported transfers. */
  accountAt(timestamp: bigint): boolean
  /** Whether a transfer that is not of this batch happened at exactly this timestamp. For imported accounts. */
  transferAt(timestamp: bigint): boolean
}

/** Where the ledger's clock stands. */
export interface Clocks {
  /** The timestamp of the last batch. */
  last: bigint
  /** The highest timestamp of an account, and of a transfer. */
  lastAccount: bigint
  lastTransfer: bigint
}

/** What the decisions changed since the changes were last taken; what an engine has to make durable. */
export interface Changes {
  readonly newAccounts: Account[]
  /** Accounts, new ones included, whose counters or `closed` may have changed. */
  readonly touchedAccounts: Set<Account>
  readonly newTransfers: Transfer[]
  /** Pending transfers, new ones included, whose state was set. */
  readonly touchedPendings: Set<Pending>
  readonly balanceRows: BalanceRow[]
  readonly failures: FailedTransfer[]
}

function noChanges(): Changes {
  return {
    newAccounts: [],
    touchedAccounts: new Set(),
    newTransfers: [],
    touchedPendings: new Set(),
    balanceRows: [],
    failures: [],
  }
}

/** By how much a transfer moves the four counters of its accounts; negative where a hold is released. */
export interface Movement {
  readonly pending: bigint
  readonly posted: bigint
}

/**
 * The ledger in memory while events are decided: contents, clocks and the changes so far, with one level of
 * savepoint for chains. All changes pass through here so that each can be undone.
 */
export class State {
  readonly contents: Contents
  readonly clocks: Clocks
  #changes = noChanges()
  #undo: (() => void)[] | undefined

  constructor(contents: Contents, clocks: Clocks) {
    this.contents = contents
    this.clocks = clocks
  }

  /** The timestamp of a batch of `count` events: after the last one, and with all its events not before the clock. */
  advance(count: number, nowNs: bigint): bigint {
    const first = nowNs > this.clocks.last ? nowNs : this.clocks.last + 1n
    this.clocks.last = first + BigInt(Math.max(count, 1) - 1)
    return this.clocks.last
  }

  accountAt(timestamp: bigint): boolean {
    const isThen = (account: Account) => account.timestamp === timestamp
    return this.contents.accountAt(timestamp) || this.#changes.newAccounts.some(isThen)
  }

  transferAt(timestamp: bigint): boolean {
    const isThen = (transfer: Transfer) => transfer.timestamp === timestamp
    return this.contents.transferAt(timestamp) || this.#changes.newTransfers.some(isThen)
  }

  takeChanges(): Changes {
    const changes = this.#changes
    this.#changes = noChanges()
    return changes
  }

  openSavepoint(): void {
    this.#undo = []
  }

  releaseSavepoint(): void {
    this.#undo = undefined
  }

  /** Takes back everything since the savepoint, newest first. */
  rollBack(): void {
    const undo = this.#undo ?? []
    this.#undo = undefined
    for (let i = undo.length - 1; i >= 0; i--) undo[i]?.()
  }

  insertAccount(account: Account): void {
    const { accounts } = this.contents
    const { newAccounts } = this.#changes
    const before = this.clocks.lastAccount
    accounts.set(account.id, account)
    newAccounts.push(account)
    this.clocks.lastAccount = account.timestamp
    this.#undo?.push(() => {
      accounts.delete(account.id)
      newAccounts.pop()
      this.clocks.lastAccount = before
    })
  }

  insertTransfer(transfer: Transfer): void {
    const { transfers } = this.contents
    const { newTransfers } = this.#changes
    const before = this.clocks.lastTransfer
    transfers.set(transfer.id, transfer)
    newTransfers.push(transfer)
    this.clocks.lastTransfer = transfer.timestamp
    this.#undo?.push(() => {
      transfers.delete(transfer.id)
      newTransfers.pop()
      this.clocks.lastTransfer = before
    })
  }

  insertPending(transferId: bigint): void {
    const { pendings } = this.contents
    const { touchedPendings } = this.#changes
    const pending: Pending = { transferId, state: PendingState.PENDING }
    pendings.set(transferId, pending)
    touchedPendings.add(pending)
    this.#undo?.push(() => {
      pendings.delete(transferId)
      touchedPendings.delete(pending)
    })
  }

  resolvePending(pending: Pending, state: PendingState): void {
    const before = pending.state
    const { touchedPendings } = this.#changes
    const touchedBefore = touchedPendings.has(pending)
    pending.state = state
    touchedPendings.add(pending)
    this.#undo?.push(() => {
      pending.state = before
      if (!touchedBefore) touchedPendings.delete(pending)
    })
  }

  debit(account: Account, by: Movement): void {
    const { debitsPending, debitsPosted } = account
    account.debitsPending = debitsPending + by.pending
    account.debitsPosted = debitsPosted + by.posted
    this.#changes.touchedAccounts.add(account)
    this.#undo?.push(() => {
      account.debitsPending = debitsPending
      account.debitsPosted = debitsPosted
    })
  }

  credit(account: Account, by: Movement): void {
    const { creditsPending, creditsPosted } = account
    account.creditsPending = creditsPending + by.pending
    account.creditsPosted = creditsPosted + by.posted
    this.#changes.touchedAccounts.add(account)
    this.#undo?.push(() => {
      account.creditsPending = creditsPending
      account.creditsPosted = creditsPosted
    })
  }

  setClosed(account: Account, closed: boolean): void {
    const before = account.closed
    account.closed = closed
    this.#changes.touchedAccounts.add(account)
    this.#undo?.push(() => {
      account.closed = before
    })
  }

  /** Keeps the counters after a transfer, for each of its accounts that has the `history` flag. */
  recordBalances(transfer: Transfer, debit: Account, credit: Account): void {
    for (const account of [debit, credit]) {
      if (!hasFlag(account.flags, AccountFlag.HISTORY)) continue
      const { debitsPending, debitsPosted, creditsPending, creditsPosted } = account
      const { balanceRows } = this.#changes
      const counters = { debitsPending, debitsPosted, creditsPending, creditsPosted }
      balanceRows.push({ accountId: account.id, timestamp: transfer.timestamp, ...counters })
      this.#undo?.push(() => balanceRows.pop())
    }
  }

  /** Spends an id. Never within a savepoint: the id stays spent although its chain is undone. */
  markFailed({ id, userData64 }: Transfer, status: TransferStatus): void {
    const failure = { id, status, userData64 }
    this.contents.failures.set(id, failure)
    this.#changes.failures.push(failure)
  }
}
