import { type Account, AccountFlag, type BalanceRow, type Counters } from '../state-machine/account.js'
import { type AccountFilter, AccountFilterFlag } from '../state-machine/filters.js'
import { hasFlag, type Transfer } from '../state-machine/transfer.js'

// TigerBeetle answers a call with statuses alone. The balances right after the call are found afterwards: an account
// with history has a row for each of its transfers, and the row of the last transfer of the call is the answer. Of
// other accounts there is only what a look-up finds, in which others' transfers may be counted already.

/** The reads that it takes. */
export interface BalanceReads {
  lookupAccounts(ids: readonly bigint[]): Promise<readonly Account[]>
  getAccountBalances(filter: AccountFilter): Promise<readonly BalanceRow[]>
}

export interface AccountsAfter {
  readonly accounts: readonly Account[]
  /** Which of them were read later, by id. */
  readonly readLater: ReadonlySet<bigint>
}

/** The accounts that transfers touched, each once. The transfers are as they are kept, in their order. */
export async function accountsAfter(reads: BalanceReads, transfers: readonly Transfer[]): Promise<AccountsAfter> {
  const lastTouched = new Map<bigint, bigint>()
  for (const { debitAccountId, creditAccountId, timestamp } of transfers) {
    lastTouched.set(debitAccountId, timestamp)
    lastTouched.set(creditAccountId, timestamp)
  }
  const readLater = new Set<bigint>()
  const found = await reads.lookupAccounts([...lastTouched.keys()])
  const accounts = await Promise.all(
    found.map(async (account) => {
      const counters = await countersAt(reads, account, lastTouched.get(account.id) ?? 0n)
      if (counters === undefined) readLater.add(account.id)
      return { ...account, ...counters }
    }),
  )
  return { accounts, readLater }
}

async function countersAt(reads: BalanceReads, account: Account, timestamp: bigint): Promise<Counters | undefined> {
  if (!hasFlag(account.flags, AccountFlag.HISTORY)) return undefined
  const [row] = await reads.getAccountBalances({
    accountId: account.id,
    userData128: 0n,
    userData64: 0n,
    userData32: 0,
    code: 0,
    timestampMin: timestamp,
    timestampMax: timestamp,
    limit: 1,
    flags: AccountFilterFlag.DEBITS | AccountFilterFlag.CREDITS,
  })
  if (row === undefined) return undefined
  const { debitsPending, debitsPosted, creditsPending, creditsPosted } = row
  return { debitsPending, debitsPosted, creditsPending, creditsPosted }
}
