// `npm run ledger -- reconcile`: compares an account with a file, or with Intent's own records. docs/ledger.md has examples.
import { readFile } from 'node:fs/promises'
import { IntentAdminServiceService } from '../gen/paymesh/intent/v1/intent_admin_service.js'
import { AccountServiceService } from '../gen/paymesh/ledger/v1/account_service.js'
import { type Entry, EntryKind, EntrySide } from '../gen/paymesh/ledger/v1/entry.js'
import { LedgerAdminServiceService, type ReconcileRequest } from '../gen/paymesh/ledger/v1/ledger_admin_service.js'
import {
  type OutcomeTotal,
  type ReconciliationFinding,
  ReconciliationOutcome,
  type ReconciliationSummary,
  type StatementRecord,
} from '../gen/paymesh/ledger/v1/reconciliation.js'
import { type Money } from '../gen/paymesh/money/v1/money.js'
import { type BidiCall, createClient } from '../services/runtime/client.js'
import { fromUint128 } from '../services/runtime/ids.js'
import { type TlsFiles } from '../services/runtime/mesh-credentials.js'
import { LaunchError } from './launch-error.js'
import { type FileAsset, type parseTime, readRecordFile, RecordFileError } from './record-file.js'

/** Where the services answer, and the operator's certificate. */
export interface ReconcileTarget {
  readonly ledgerAddress: string
  readonly intentAddress: string
  readonly tls: TlsFiles
}

export interface ReconcileOrder {
  /** `accounts/{account}`. */
  readonly account: string
  /** RFC 3339; undefined: open. */
  readonly startTime: Time | undefined
  readonly endTime: Time | undefined
  readonly source: { readonly kind: 'file'; readonly path: string } | { readonly kind: 'intent' }
}

type Time = NonNullable<ReturnType<typeof parseTime>>

/** What is in the file is not what must be in it (EX_DATAERR). */
const EXIT_DATA = 65
const RECORDS_PER_MESSAGE = 1000
const LEDGER_CONFIG = 'proto/paymesh/ledger/v1/ledger_service_config.json'
const INTENT_CONFIG = 'proto/paymesh/intent/v1/intent_service_config.json'

/** Prints every disagreement and a summary; the exit code is 1 when there was one, 65 when the file is malformed. */
export async function reconcileCommand(target: ReconcileTarget, given: ReconcileOrder): Promise<void> {
  const order = given.source.kind === 'intent' ? untilNow(given) : given
  const { ledgerAddress: address, tls } = target
  const ledger = { address, tls, peer: 'ledger' as const, serviceConfig: LEDGER_CONFIG }
  const accounts = createClient(AccountServiceService, ledger)
  const admin = createClient(LedgerAdminServiceService, ledger)
  try {
    const { account } = await accounts.getAccount({ name: order.account })
    const asset = await assetOf(admin, account?.assetCode ?? '')
    const stream = admin.reconcile()
    const upload = send(stream, order, recordsOf(target, order, asset)).catch((error: unknown) => {
      stream.cancel()
      throw error
    })
    // Whichever fails first is the cause; the other only fails with it.
    await Promise.all([upload, printAnswers(stream, asset)])
  } catch (error) {
    if (!(error instanceof RecordFileError)) throw error
    console.error(error.message)
    process.exitCode = EXIT_DATA
  } finally {
    for (const client of [accounts, admin]) client.close()
  }
}

/**
 * The period up to now at most. Intent is asked after that: every transfer of the period then has its intent, and a
 * payment that begins meanwhile is not taken for one that nobody asked for.
 */
function untilNow(order: ReconcileOrder): ReconcileOrder {
  const nowMs = Date.now()
  const now = { seconds: BigInt(Math.floor(nowMs / 1000)), nanos: (nowMs % 1000) * 1_000_000 }
  const { endTime = now } = order
  return { ...order, endTime: endTime.seconds < now.seconds ? endTime : now }
}

type Admin = ReturnType<typeof createClient<typeof LedgerAdminServiceService>>

async function assetOf(admin: Admin, assetCode: string): Promise<FileAsset> {
  let pageToken = ''
  do {
    const page = await admin.listAssets({ pageSize: 1000, pageToken })
    const found = page.assets.find((asset) => asset.assetCode === assetCode)
    if (found !== undefined) return { assetCode, scale: found.scale ?? 0 }
    pageToken = page.nextPageToken
  } while (pageToken !== '')
  throw new LaunchError(`The Ledger does not know the asset ${assetCode}.`)
}

/** The records in parts of at most a thousand. A file is read and checked whole before the first. */
async function* recordsOf(
  { intentAddress: address, tls }: ReconcileTarget,
  { account, startTime, endTime, source }: ReconcileOrder,
  asset: FileAsset,
): AsyncGenerator<StatementRecord[], void> {
  if (source.kind === 'file') {
    const records = readRecordFile(await readFile(source.path, 'utf8'), asset)
    for (let at = 0; at < records.length; at += RECORDS_PER_MESSAGE) yield records.slice(at, at + RECORDS_PER_MESSAGE)
    return
  }
  const intents = createClient(IntentAdminServiceService, {
    address,
    tls,
    peer: 'intent',
    serviceConfig: INTENT_CONFIG,
  })
  try {
    let pageToken = ''
    do {
      const page = await intents.listLedgerRecords({ account, startTime, endTime, pageSize: 1000, pageToken })
      // An intent has several transfers on an account of the house.
      for (let at = 0; at < page.records.length; at += RECORDS_PER_MESSAGE) {
        yield page.records.slice(at, at + RECORDS_PER_MESSAGE)
      }
      pageToken = page.nextPageToken
    } while (pageToken !== '')
  } finally {
    intents.close()
  }
}

async function send(
  stream: BidiCall<ReconcileRequest, unknown>,
  { account, startTime, endTime }: ReconcileOrder,
  parts: AsyncIterable<StatementRecord[]>,
): Promise<void> {
  let goOn: () => void = () => undefined
  stream.onDrain(() => {
    goOn()
  })
  const write = async (request: Partial<ReconcileRequest>) => {
    if (stream.write({ ...EMPTY, ...request })) return
    await new Promise<void>((resolve) => (goOn = resolve))
  }
  const first = parts[Symbol.asyncIterator]()
  // Before the first message, so that nothing is asked with a file that is malformed.
  let part = await first.next()
  await write({ account, startTime, endTime })
  for (; part.done !== true; part = await first.next()) await write({ records: part.value })
  stream.write({ ...EMPTY, last: true })
  stream.end()
}

const EMPTY: ReconcileRequest = { account: '', startTime: undefined, endTime: undefined, records: [], last: false }

async function printAnswers(stream: ReturnType<Admin['reconcile']>, asset: FileAsset): Promise<void> {
  let isWhole = false
  for await (const { event } of stream.responses) {
    if (event?.$case === 'finding') console.log(findingLine(event.finding, asset))
    if (event?.$case !== 'summary') continue
    isWhole = true
    console.log(summaryLines(event.summary, asset).join('\n'))
    if (!agrees(event.summary)) process.exitCode = 1
  }
  if (!isWhole) throw new LaunchError('The Ledger ended without a summary; nothing is said of what is missing.')
}

function findingLine({ outcome, record, recordCount, entry, differences }: ReconciliationFinding, asset: FileAsset) {
  const name = nameOf(ReconciliationOutcome, outcome)
  const others = recordCount > 1n ? ` and ${recordCount - 1n} more` : ''
  const whose = record === undefined ? entryText(entry, asset) : `"${record.externalId}"${others}`
  const amount = record === undefined ? '' : `, ${nameOf(EntrySide, record.side)} ${amountText(record.amount, asset)}`
  const how = differences.map(({ field, expected, found }) => `; ${field}: there ${expected}, here ${found}`)
  return `${name} ${whose}${amount}${how.join('')}`
}

function entryText(entry: Entry | undefined, asset: FileAsset): string {
  if (entry === undefined) return ''
  const id = fromUint128(entry.transferId).toString(16).padStart(32, '0')
  const time = new Date(Number(entry.time?.seconds ?? 0n) * 1000).toISOString()
  const kind = nameOf(EntryKind, entry.kind)
  return `transfer ${id}, ${nameOf(EntrySide, entry.side)} ${amountText(entry.amount, asset)}, ${kind} at ${time}, ${entry.counterparty}`
}

function summaryLines(summary: ReconciliationSummary, asset: FileAsset): string[] {
  const { matched, missingHere, missingThere, different, duplicate, undecided } = summary
  const totals = { matched, missing_here: missingHere, missing_there: missingThere, different, duplicate, undecided }
  const line = ([name, total]: [string, OutcomeTotal | undefined]) => {
    const sums = `debits ${amountText(total?.debits, asset)}, credits ${amountText(total?.credits, asset)}`
    return `${`${name}:`.padEnd(14)} ${total?.count ?? 0n}, ${sums}`
  }
  const outside = summary.matchedOutsidePeriodCount
  const aside = outside === 0n ? [] : [`${outside} of the matched lie outside the period here`]
  return [
    ...Object.entries(totals).map(line),
    ...aside,
    agrees(summary) ? 'both sides agree' : 'the sides do not agree',
  ]
}

function agrees({ missingHere, missingThere, different, duplicate }: ReconciliationSummary): boolean {
  return [missingHere, missingThere, different, duplicate].every((total) => (total?.count ?? 0n) === 0n)
}

/** In the main unit of the account's asset; of another, whose scale nobody said, in minor units. */
function amountText(money: Money | undefined, { assetCode, scale }: FileAsset): string {
  const units = money?.minorUnits
  if (money === undefined || units === undefined) return 'more than int64'
  if (money.assetCode !== assetCode) return `${units} minor units of ${money.assetCode}`
  const digits = String(units).padStart(scale + 1, '0')
  const whole = digits.slice(0, digits.length - scale)
  return `${scale === 0 ? whole : `${whole}.${digits.slice(-scale)}`} ${assetCode}`
}

function nameOf(names: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(names).find(([, known]) => known === value)?.[0] ?? String(value)
}
