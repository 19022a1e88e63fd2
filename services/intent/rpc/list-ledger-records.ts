import { type Timestamp } from '../../../gen/google/protobuf/timestamp.js'
import {
  type ListLedgerRecordsRequest,
  type ListLedgerRecordsResponse,
} from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import { type StatementRecord } from '../../../gen/paymesh/ledger/v1/reconciliation.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { decodePageToken, encodePageToken, pageSize } from '../../runtime/page-token.js'
import { parseResourceName } from '../../runtime/resource-name.js'
import { walletOfAccount } from '../ledger/account-names.js'
import { errorDomain } from '../errors.js'
import { intentsOfPeriod, type PeriodFilter } from '../intents/intents-of-period.js'
import { bookingsOf } from '../providers/discrepancy-store.js'
import { bookingRecordsOf, ledgerRecordsOf } from '../saga/ledger-records.js'
import { type RpcDeps } from './deps.js'
import { intentIdOf } from './fields.js'

/**
 * Lists what the intents of a period must have moved on an account of the Ledger. Fails with INVALID_FIELD,
 * DEPENDENCY_UNAVAILABLE.
 */
export async function listLedgerRecords(
  deps: RpcDeps,
  _call: Call,
  request: ListLedgerRecordsRequest,
): Promise<ListLedgerRecordsResponse> {
  const { filter, filters } = parse(request, deps.clock.nowMs())
  // One more than the page tells whether there is a next one.
  const found = await intentsOfPeriod(deps.pool, { ...filter, countMax: filter.countMax + 1 })
  const page = found.slice(0, filter.countMax)
  const bookings = await bookingsOf(
    deps.pool,
    page.flatMap(({ id, submission }) => (submission === undefined ? [] : [id])),
  )
  const bookingOf = new Map(bookings.map((booking) => [booking.intentId, booking]))
  const records: StatementRecord[] = []
  for (const intent of page) {
    const ledgerNumber = await deps.ledger.ledgerNumber(intent.assetCode)
    if (ledgerNumber === undefined) throw new Error(`the asset ${intent.assetCode} vanished`)
    const place = { account: request.account, ledgerNumber }
    records.push(...ledgerRecordsOf(deps, intent, place))
    const booking = bookingOf.get(intent.id)
    if (booking !== undefined) records.push(...bookingRecordsOf(deps, intent, booking, place))
  }
  const last = page.at(-1)
  const more = found.length > page.length && last !== undefined
  return { records, nextPageToken: more ? encodePageToken([`intents/${last.id}`], filters) : '' }
}

function parse(request: ListLedgerRecordsRequest, nowMs: number): { filter: PeriodFilter; filters: string } {
  const { account, startTime, endTime, pageToken } = request
  const check = new FieldCheck(errorDomain)
  const isName = parseResourceName('accounts/{account}', account) !== undefined
  check.that(isName, 'account', 'must be like accounts/{account}')
  const startMs = startTime === undefined ? 0 : Math.floor(timeMs(check, 'start_time', startTime))
  const endMs = endTime === undefined ? nowMs : Math.ceil(timeMs(check, 'end_time', endTime))
  const isPeriod = startTime === undefined || endTime === undefined || startMs < endMs || !check.ok
  check.that(isPeriod, 'end_time', 'must be after start_time')
  const countMax = pageSize(request.pageSize, check)
  const filters = JSON.stringify(['ledgerRecords', account, timeText(startTime), timeText(endTime)])
  const [last] = pageToken === '' ? [] : (decodePageToken(pageToken, filters) ?? [''])
  const afterId = last === undefined ? undefined : intentIdOf(last)
  const isToken = pageToken === '' || afterId !== undefined
  check.that(isToken, 'page_token', 'must be a next_page_token of the same list')
  check.done()
  return { filter: { walletId: walletOfAccount(account), startMs, endMs, afterId, countMax }, filters }
}

// What a UUIDv7 can tell and a Date can be.
const secondsMax = 253_402_300_799n

/** Milliseconds since 1970, maybe a fraction; noted in `check` when it is no time. */
function timeMs(check: FieldCheck, field: string, { seconds, nanos }: Timestamp): number {
  const isTime = seconds >= 0n && seconds <= secondsMax && nanos >= 0 && nanos < 1_000_000_000
  check.that(isTime, field, 'must be a time between 1970 and 9999')
  return isTime ? Number(seconds) * 1000 + nanos / 1_000_000 : 0
}

function timeText(time: Timestamp | undefined): string {
  return time === undefined ? '' : `${time.seconds}.${time.nanos}`
}
