import { type Balances } from '../../gen/paymesh/ledger/v1/account.js'
import { type Entry, EntryKind, EntrySide } from '../../gen/paymesh/ledger/v1/entry.js'
import { type Money } from '../../gen/paymesh/money/v1/money.js'
import { type Timestamp } from '../../gen/google/protobuf/timestamp.js'
import { type Uint128 } from '../../gen/paymesh/ledger/v1/uint128.js'
import { fromUint128 } from '../runtime/ids.js'

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
  const record = (fields: readonly string[]) => `${fields.map(csvField).join(',')}\r\n`
  return {
    contentType: 'text/csv; charset=utf-8; header=present',
    header: record([...COLUMNS, ...BALANCES.map((name) => `${name}_after`)]),
    line: (entry) =>
      record([
        timeText(entry.time),
        idText(entry.transferId),
        kindName(entry.kind),
        sideName(entry.side),
        decimal(entry.amount, asset.scale),
        asset.assetCode,
        entry.counterparty,
        String(entry.code),
        idText(entry.subject),
        ...amountsOf(entry.balancesAfter).map((amount) => decimal(amount, asset.scale)),
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
        time: timeText(entry.time),
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

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Minor units as a decimal number of the main unit. Empty for an amount that is left out. */
export function decimal(money: Money | undefined, scale: number): string {
  const units = money?.minorUnits
  if (units === undefined) return ''
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0')
  const whole = digits.slice(0, digits.length - scale)
  const sign = units < 0n ? '-' : ''
  return scale === 0 ? `${sign}${whole}` : `${sign}${whole}.${digits.slice(-scale)}`
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

/** RFC 3339 to the nanosecond: two entries of one microsecond must not look as if they were one. */
function timeText(time: Timestamp | undefined): string {
  const { seconds = 0n, nanos = 0 } = time ?? {}
  const second = new Date(Number(seconds) * 1000).toISOString().slice(0, 19)
  return `${second}.${String(nanos).padStart(9, '0')}Z`
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
