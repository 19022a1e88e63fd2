// What happened on a wallet, as its owner understands it: entries of its account in the Ledger, joined with the intents
// behind them. Nothing of it is stored here.
import { totalsOf, feesOf } from '../decisions/decision.js'
import { type Intent, type Party, settledMinor } from '../intents/intent.js'
import { type AccountEntry, type EntryPage, type EntryQuery } from './wallet-accounts-client.js'

export type Direction = 'IN' | 'OUT'

export interface Transaction {
  readonly timeNs: bigint
  readonly kind: 'POSTED' | 'HELD' | 'RELEASED'
  readonly direction: Direction
  /** What the wallet was debited or credited. Undefined beyond int64, as the balances. */
  readonly totalMinor: bigint | undefined
  readonly balanceMinor: bigint | undefined
  readonly availableMinor: bigint | undefined
  /** The payment behind it; undefined when an operator moved the money in the Ledger. */
  readonly payment: PaymentSide | undefined
}

/** One side's view of a payment. */
export interface PaymentSide {
  readonly intentId: string
  readonly operationType: string
  readonly counterparty: Party
  /** What was paid before fees, and the fees that this side bore; undefined where they do not make the total. */
  readonly price: Price | undefined
}

export interface Price {
  readonly amountMinor: bigint
  readonly fees: readonly { readonly feeId: string; readonly amountMinor: bigint }[]
}

export interface TransactionQuery extends EntryQuery {
  /** Both when undefined. */
  readonly direction: Direction | undefined
}

export interface TransactionPage {
  readonly transactions: readonly Transaction[]
  /** The last moment that was looked at, when there may be more behind it. */
  readonly cursorNs: bigint | undefined
}

export interface TransactionDeps {
  readonly entries: (query: EntryQuery) => Promise<EntryPage>
  readonly intents: (ids: readonly string[]) => Promise<Intent[]>
}

// The Ledger answers no more at once.
const entriesMax = 1000
// A page looks at no more than this many pages of entries, so that one that filters much still answers in time.
const roundsMax = 4

/** A page of a wallet's transactions; fewer than asked for, even none, when much was left out. */
export async function readTransactions(
  deps: TransactionDeps,
  walletId: string,
  query: TransactionQuery,
): Promise<TransactionPage> {
  const found: AccountEntry[] = []
  let next: EntryQuery | undefined = query.minNs <= query.maxNs ? query : undefined
  for (let round = 0; round < roundsMax && next !== undefined && found.length < query.countMax; round += 1) {
    // What is left out of the first round tells that more than the page asks for has to be looked at.
    const countMax: number = round === 0 ? query.countMax : entriesMax
    const page: EntryPage = await deps.entries({ ...next, countMax })
    const taken = takeShown(page.entries, query.direction, query.countMax - found.length)
    found.push(...taken.shown)
    next = behind(next, taken.last, page.more || taken.isCut)
  }
  return { transactions: await describe(deps, walletId, found), cursorNs: next && cursorOf(next) }
}

/** The entries that are shown, at most so many, and the last that was looked at. */
function takeShown(entries: readonly AccountEntry[], direction: Direction | undefined, countMax: number) {
  const shown: AccountEntry[] = []
  for (const entry of entries) {
    if (shown.length === countMax) return { shown, last: shown.at(-1), isCut: true }
    if (isShown(entry, direction)) shown.push(entry)
  }
  return { shown, last: entries.at(-1), isCut: false }
}

function behind(query: EntryQuery, last: AccountEntry | undefined, more: boolean): EntryQuery | undefined {
  if (!more || last === undefined) return undefined
  const next = query.newestFirst ? { ...query, maxNs: last.timeNs - 1n } : { ...query, minNs: last.timeNs + 1n }
  return next.minNs <= next.maxNs ? next : undefined
}

function cursorOf(next: EntryQuery): bigint {
  return next.newestFirst ? next.maxNs + 1n : next.minNs - 1n
}

/**
 * Who is paid sees what arrived, and nothing of what was only held for them: that it was and came to nothing is the
 * payer's alone. What moved nothing, such as the transfer that freezes an account, is no transaction.
 */
function isShown({ kind, side, amountMinor }: AccountEntry, direction: Direction | undefined): boolean {
  if (amountMinor === 0n) return false
  if (side === 'CREDIT' && (kind === 'HELD' || kind === 'HOLD_VOIDED')) return false
  return direction === undefined || direction === directionOf(side)
}

function directionOf(side: AccountEntry['side']): Direction {
  return side === 'DEBIT' ? 'OUT' : 'IN'
}

async function describe(
  deps: TransactionDeps,
  walletId: string,
  entries: readonly AccountEntry[],
): Promise<Transaction[]> {
  const ids = [...new Set(entries.flatMap(({ intentId }) => (intentId === undefined ? [] : [intentId])))]
  const intents = new Map((ids.length === 0 ? [] : await deps.intents(ids)).map((intent) => [intent.id, intent]))
  return entries.map((entry) => {
    const { timeNs, side, amountMinor, balanceMinor, availableMinor } = entry
    const intent = entry.intentId === undefined ? undefined : intents.get(entry.intentId)
    return {
      timeNs,
      kind: kindOf(entry),
      direction: directionOf(side),
      totalMinor: amountMinor,
      balanceMinor,
      availableMinor,
      payment: intent && paymentSide(intent, walletId, amountMinor),
    }
  })
}

function kindOf({ kind }: AccountEntry): Transaction['kind'] {
  switch (kind) {
    case 'POSTED':
    case 'HOLD_POSTED':
      return 'POSTED'
    case 'HELD':
      return 'HELD'
    case 'HOLD_VOIDED':
      return 'RELEASED'
  }
}

function paymentSide(intent: Intent, walletId: string, totalMinor: bigint | undefined): PaymentSide {
  const isPayer = intent.payer.kind === 'wallet' && intent.payer.walletId === walletId
  return {
    intentId: intent.id,
    operationType: intent.operationType,
    counterparty: isPayer ? intent.payee : intent.payer,
    price: priceOf(intent, isPayer, totalMinor),
  }
}

/** What was held is the whole amount, what settled may be a part of it; anything else has no price of its own. */
function priceOf(intent: Intent, isPayer: boolean, totalMinor: bigint | undefined): Price | undefined {
  const amountMinor = [intent.amountMinor, settledMinor(intent) ?? 0n].find((amount) => {
    const { payerMinor, payeeMinor } = totalsOf(amount, intent.decision)
    return totalMinor === (isPayer ? payerMinor : payeeMinor)
  })
  if (amountMinor === undefined) return undefined
  const fees = feesOf(intent.decision).filter(({ phase }) => phase === (isPayer ? 'PRE' : 'POST'))
  return { amountMinor, fees: fees.map((fee) => ({ feeId: fee.feeId, amountMinor: fee.amountMinor })) }
}
