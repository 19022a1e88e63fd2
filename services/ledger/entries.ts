import { Entry, EntryKind, EntrySide } from '../../gen/paymesh/ledger/v1/entry.js'
import { toUint128 } from '../runtime/ids.js'
import { balances, money, timeMessage } from './account-message.js'
import { type Engine } from './engine.js'
import { type NamedAccount, type NamedAccountStore } from './named-account-store.js'
import { AccountFlag, type BalanceRow } from './state-machine/account.js'
import { AccountFilterFlag } from './state-machine/filters.js'
import { hasFlag, type Transfer, TransferFlag } from './state-machine/transfer.js'

// The lines of an account's statement, read a page at a time by timestamp: what a page costs follows from its length.

/** Which entries: timestamps in nanoseconds since 1970, both inclusive. */
export interface EntryPage {
  readonly min: bigint
  readonly max: bigint
  readonly countMax: number
  readonly newestFirst: boolean
}

/** An entry with what the next page begins after. */
export interface TimedEntry {
  readonly timestamp: bigint
  readonly entry: Entry
}

/** A filter that asks for both sides of an account and nothing else. */
export function bothSides(accountId: bigint, { min, max, countMax, newestFirst }: EntryPage) {
  const sides = AccountFilterFlag.DEBITS | AccountFilterFlag.CREDITS
  return {
    accountId,
    userData128: 0n,
    userData64: 0n,
    userData32: 0,
    code: 0,
    timestampMin: min,
    timestampMax: max,
    limit: countMax,
    flags: newestFirst ? sides | AccountFilterFlag.REVERSED : sides,
  }
}

export async function readEntries(
  { engine, names }: { readonly engine: Engine; readonly names: NamedAccountStore },
  { name, account }: NamedAccount,
  page: EntryPage,
): Promise<TimedEntry[]> {
  if (page.min > page.max) return []
  const transfers = await engine.getAccountTransfers(bothSides(account.id, page))
  const history = hasFlag(account.flags, AccountFlag.HISTORY)
  const [entries, rows] = await Promise.all([
    entriesOf(names, { name, account }, transfers),
    history && transfers.length > 0 ? balancesAfter(engine, account.id, transfers, page) : [],
  ])
  const after = new Map(rows.map((row) => [row.timestamp, balances(row, name.assetCode)]))
  return entries.map(({ timestamp, entry }) => {
    const balancesAfter = after.get(timestamp)
    return { timestamp, entry: balancesAfter === undefined ? entry : { ...entry, balancesAfter } }
  })
}

/** Transfers of an account as its entries, in order, without the balances after them. */
export async function entriesOf(
  names: NamedAccountStore,
  { name, account }: NamedAccount,
  transfers: readonly Transfer[],
): Promise<TimedEntry[]> {
  const other = (transfer: Transfer) => counterpartyOf(transfer, account.id)
  const textOf = await accountTexts(names, transfers.map(other))
  return transfers.map((transfer) => {
    const entry = entryOf(transfer, name.assetCode, account.id, textOf(other(transfer)))
    return { timestamp: transfer.timestamp, entry }
  })
}

/** How to call accounts: their names, or their ids in hexadecimal where they have none. */
export async function accountTexts(names: NamedAccountStore, ids: readonly bigint[]): Promise<(id: bigint) => string> {
  const known = ids.length === 0 ? undefined : await names.namesOf([...new Set(ids)], false)
  return (id) => known?.get(id)?.name ?? id.toString(16).padStart(32, '0')
}

/** The balances after exactly these transfers: they are all that lie between the first and the last. */
async function balancesAfter(
  engine: Engine,
  accountId: bigint,
  transfers: readonly Transfer[],
  page: EntryPage,
): Promise<readonly BalanceRow[]> {
  const [first, last] = [transfers[0]?.timestamp ?? 0n, transfers.at(-1)?.timestamp ?? 0n]
  const [min, max] = first < last ? [first, last] : [last, first]
  return engine.getAccountBalances(bothSides(accountId, { ...page, min, max }))
}

function counterpartyOf({ debitAccountId, creditAccountId }: Transfer, accountId: bigint): bigint {
  return debitAccountId === accountId ? creditAccountId : debitAccountId
}

function entryOf(transfer: Transfer, assetCode: string, accountId: bigint, counterparty: string): Entry {
  return Entry.fromPartial({
    transferId: toUint128(transfer.id),
    time: timeMessage(transfer.timestamp),
    kind: kindOf(transfer.flags),
    side: transfer.debitAccountId === accountId ? EntrySide.DEBIT : EntrySide.CREDIT,
    amount: money(transfer.amount, assetCode),
    counterparty,
    code: transfer.code,
    subject: toUint128(transfer.userData128),
  })
}

function kindOf(flags: number): EntryKind {
  if (hasFlag(flags, TransferFlag.PENDING)) return EntryKind.HELD
  if (hasFlag(flags, TransferFlag.POST_PENDING_TRANSFER)) return EntryKind.HOLD_POSTED
  if (hasFlag(flags, TransferFlag.VOID_PENDING_TRANSFER)) return EntryKind.HOLD_VOIDED
  return EntryKind.POSTED
}
