// Another side's records as a CSV file (RFC 4180), for `npm run ledger -- reconcile`. docs/ledger.md describes it.
import { EntrySide } from '../gen/paymesh/ledger/v1/entry.js'
import { RecordStatus, type StatementRecord } from '../gen/paymesh/ledger/v1/reconciliation.js'
import { toUint128 } from '../services/runtime/ids.js'

/** The file is not what it must be: the message says in which line and what. */
export class RecordFileError extends Error {
  override readonly name = 'RecordFileError'

  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`)
  }
}

/** The account's asset; a line may name another. */
export interface FileAsset {
  readonly assetCode: string
  /** How many decimal places the main unit has. */
  readonly scale: number
}

const COLUMNS = [
  'external_id',
  'transfer_id',
  'subject',
  'side',
  'amount',
  'amount_minor',
  'asset_code',
  'time',
  'status',
] as const
type Column = (typeof COLUMNS)[number]

/** All records of a file. Throws RecordFileError for the first line that is not one. */
export function readRecordFile(text: string, asset: FileAsset): StatementRecord[] {
  const [header, ...rows] = parseCsv(text)
  if (header === undefined) throw new RecordFileError(1, 'there is no header')
  const columns = columnsOf(header)
  return rows.map(({ line, fields }) => {
    if (fields.length !== columns.length) {
      throw new RecordFileError(line, `has ${fields.length} fields, the header has ${columns.length}`)
    }
    const values = new Map(columns.map((column, index) => [column, fields[index] ?? '']))
    return recordOf(line, (column) => values.get(column) ?? '', asset)
  })
}

function columnsOf({ line, fields }: CsvRow): Column[] {
  const columns = fields.map((name) => {
    const column = COLUMNS.find((known) => known === name)
    if (column === undefined) throw new RecordFileError(line, `"${name}" is none of ${COLUMNS.join(', ')}`)
    return column
  })
  if (new Set(columns).size < columns.length) throw new RecordFileError(line, 'names a column twice')
  for (const required of ['external_id', 'side'] as const) {
    if (!columns.includes(required)) throw new RecordFileError(line, `lacks the column ${required}`)
  }
  return columns
}

function recordOf(line: number, value: (column: Column) => string, asset: FileAsset): StatementRecord {
  const externalId = value('external_id')
  if (externalId === '') throw new RecordFileError(line, 'external_id is empty')
  return {
    externalId,
    key: keyOf(line, value('transfer_id'), value('subject')),
    side: oneOf(line, 'side', value('side'), { DEBIT: EntrySide.DEBIT, CREDIT: EntrySide.CREDIT }),
    amount: { assetCode: value('asset_code') || asset.assetCode, minorUnits: amountOf(line, value, asset) },
    time: timeOf(line, value('time')),
    status: oneOf(line, 'status', value('status') || 'POSTED', {
      POSTED: RecordStatus.POSTED,
      PENDING: RecordStatus.PENDING,
    }),
    undecided: false,
  }
}

function oneOf<T>(line: number, column: Column, text: string, known: Readonly<Record<string, T>>): T {
  const found = Object.hasOwn(known, text) ? known[text] : undefined
  if (found === undefined)
    throw new RecordFileError(line, `${column} "${text}" is none of ${Object.keys(known).join(', ')}`)
  return found
}

function keyOf(line: number, transferId: string, subject: string): StatementRecord['key'] {
  if ((transferId === '') === (subject === ''))
    throw new RecordFileError(line, 'needs either a transfer_id or a subject')
  if (transferId !== '') return { $case: 'transferId', transferId: idOf(line, 'transfer_id', transferId) }
  return { $case: 'subject', subject: idOf(line, 'subject', subject) }
}

// As statements print an id, or as a UUID. A decimal number could be taken for 32 hexadecimal digits.
const ID = /^[0-9a-f]{32}$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

function idOf(line: number, column: Column, text: string) {
  if (!ID.test(text)) throw new RecordFileError(line, `${column} "${text}" is neither 32 hexadecimal digits nor a UUID`)
  return toUint128(BigInt(`0x${text.replaceAll('-', '')}`))
}

const MINOR_MAX = (1n << 63n) - 1n

function amountOf(line: number, value: (column: Column) => string, asset: FileAsset): bigint {
  const [main, minor] = [value('amount'), value('amount_minor')]
  if ((main === '') === (minor === '')) throw new RecordFileError(line, 'needs either an amount or an amount_minor')
  const isOther = value('asset_code') !== '' && value('asset_code') !== asset.assetCode
  if (isOther && main !== '') {
    throw new RecordFileError(line, `of another asset than ${asset.assetCode} only amount_minor can be told`)
  }
  const units = minor === '' ? mainUnits(main, asset.scale) : /^\d{1,19}$/.test(minor) ? BigInt(minor) : undefined
  if (units === undefined || units > MINOR_MAX) {
    const places = minor === '' ? ` with at most ${asset.scale} decimal places` : ''
    throw new RecordFileError(line, `"${main}${minor}" is not an amount${places}; the side tells the sign`)
  }
  return units
}

/** "150.25" as minor units, exactly; undefined when it is no such number. */
function mainUnits(text: string, scale: number): bigint | undefined {
  const [, whole, fraction = ''] = /^(\d{1,19})(?:\.(\d+))?$/.exec(text) ?? []
  if (whole === undefined || fraction.length > scale) return undefined
  return BigInt(whole + fraction.padEnd(scale, '0'))
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d{1,9}))?(?:Z|[+-]\d\d:\d\d)$/

function timeOf(line: number, text: string): StatementRecord['time'] {
  if (text === '') return undefined
  const time = parseTime(text)
  if (time === undefined) throw new RecordFileError(line, `time "${text}" is not like 2026-01-31T23:59:59.5Z`)
  return time
}

/** An RFC 3339 time, to the nanosecond; undefined when it is none. */
export function parseTime(text: string): { seconds: bigint; nanos: number } | undefined {
  const match = TIME.exec(text)
  const ms = match === null ? NaN : Date.parse(text.replace(/\.\d+/, ''))
  if (Number.isNaN(ms)) return undefined
  return { seconds: BigInt(ms / 1000), nanos: Number((match?.[1] ?? '').padEnd(9, '0')) }
}

interface CsvRow {
  /** Where it begins, from 1. */
  readonly line: number
  readonly fields: readonly string[]
}

/** The rows of a CSV text; empty lines are none. */
function parseCsv(text: string): CsvRow[] {
  const rows: CsvRow[] = []
  // A field, quoted or not, and what ends it. Sticky: what is not a field where one must be is an error there.
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y
  const content = text.replace(/^\uFEFF/, '')
  let [line, begun, fields]: [number, number, string[]] = [1, 1, []]
  while (field.lastIndex < content.length || fields.length > 0) {
    const match = field.exec(content)
    if (match === null) throw new RecordFileError(line, 'has a quote where none may be')
    const [whole, quoted, plain = '', end] = match
    fields.push(quoted?.replaceAll('""', '"') ?? plain)
    line += whole.split('\n').length - 1
    if (end === ',') continue
    if (fields.length > 1 || fields[0] !== '') rows.push({ line: begun, fields })
    ;[begun, fields] = [line, []]
  }
  return rows
}
