import { type Balances } from '../../gen/paymesh/ledger/v1/account.js'
import { type Entry, EntryKind, EntrySide } from '../../gen/paymesh/ledger/v1/entry.js'
import { type Money } from '../../gen/paymesh/money/v1/money.js'
import { type Uint128 } from '../../gen/paymesh/ledger/v1/uint128.js'
import { fromUint128 } from '../runtime/ids.js'
import { csvRecord, decimalText, nanosecondText } from '../runtime/statement-text.js'

/** How a statement is written: text before the entries, and each entry. */
export interface StatementWriter {
  readonly contentType: string
  readonly header: string
  line(entry: Entry): string
}

/** What an entry's numbers stand for: known even of an entry whose amount is beyond int64, and so left out. */
interface AssetUnits {
  readonly assetCode: string
  readonly scale: number
}

const BALANCES = ['debits_posted', 'credits_posted', 'debits_pending', 'credits_pending', 'posted', 'available']
const COLUMNS = ['time', 'transfer_id', 'kind', 'side', 'amount', 'asset_code', 'counterparty', 'code', 'subject']

/** RFC 4180. Amounts in the asset's main unit, exact: "150.25". Ids in hexadecimal. */
export function csvStatement(asset: AssetUnits): StatementWriter {
  return {
    contentType: 'text/csv; charset=utf-8; header=present',
    header: csvRecord([...COLUMNS, ...BALANCES.map((name) => `${name}_after`)]),
    line: (entry) =>
      csvRecord([
        nanosecondText(entry.time),
        idText(entry.transferId),
        kindName(entry.kind),
        sideName(entry.side),
        decimalText(entry.amount?.minorUnits, asset.scale),
        asset.assetCode,
        entry.counterparty,
        String(entry.code),
        idText(entry.subject),
        ...amountsOf(entry.balancesAfter).map((amount) => decimalText(amount?.minorUnits, asset.scale)),
      ]),
  }
}

/** One object a line, with the names and forms that the edge gives an entry. */
export function jsonStatement(): StatementWriter {
  return {
    contentType: 'application/x-ndjson',
    header: '',
    line: (entry) =>
      `${JSON.stringify({
        transferId: idJson(entry.transferId),
        time: nanosecondText(entry.time),
        kind: `ENTRY_KIND_${kindName(entry.kind)}`,
        side: `ENTRY_SIDE_${sideName(entry.side)}`,
        amount: moneyJson(entry.amount),
        counterparty: entry.counterparty,
        code: entry.code,
        subject: idJson(entry.subject),
        balancesAfter: balancesJson(entry.balancesAfter),
      })}\n`,
  }
}

function amountsOf(balances: Balances | undefined): (Money | undefined)[] {
  const { debitsPosted, creditsPosted, debitsPending, creditsPending, posted, available } = balances ?? NO_BALANCES
  return [debitsPosted, creditsPosted, debitsPending, creditsPending, posted, available]
}

const NO_BALANCES: Balances = {
  debitsPosted: undefined,
  creditsPosted: undefined,
  debitsPending: undefined,
  creditsPending: undefined,
  posted: undefined,
  available: undefined,
}

function balancesJson(balances: Balances | undefined) {
  if (balances === undefined) return undefined
  const { debitsPosted, creditsPosted, debitsPending, creditsPending, posted, available } = balances
  return {
    debitsPosted: moneyJson(debitsPosted),
    creditsPosted: moneyJson(creditsPosted),
    debitsPending: moneyJson(debitsPending),
    creditsPending: moneyJson(creditsPending),
    posted: moneyJson(posted),
    available: moneyJson(available),
  }
}

function moneyJson(money: Money | undefined) {
  if (money === undefined) return undefined
  return { assetCode: money.assetCode, minorUnits: String(money.minorUnits ?? 0n) }
}

function idJson(id: Uint128 | undefined) {
  return { high: String(id?.high ?? 0n), low: String(id?.low ?? 0n) }
}

function idText(id: Uint128 | undefined): string {
  return fromUint128(id).toString(16).padStart(32, '0')
}

function kindName(kind: EntryKind): string {
  return nameOf(EntryKind, kind)
}

function sideName(side: EntrySide): string {
  return nameOf(EntrySide, side)
}

function nameOf(names: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(names).find(([, number]) => number === value)?.[0] ?? String(value)
}
