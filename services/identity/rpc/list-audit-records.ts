import {
  type ListAuditRecordsRequest,
  ListAuditRecordsResponse,
} from '../../../gen/paymesh/identity/v1/audit_service.js'
import type { Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { decodePageToken, encodePageToken, pageSize } from '../../runtime/page-token.js'
import { timeNs } from '../../runtime/period.js'
import type { AuditFilter, AuditStore } from '../audit/audit-store.js'
import { errorDomain } from '../errors.js'
import { auditRecordMessage } from './audit-record-message.js'

export interface ListAuditRecordsDeps {
  audit: Pick<AuditStore, 'list'>
}

/** Lists audit records, newest first. Fails with INVALID_FIELD. */
export async function listAuditRecords(
  deps: ListAuditRecordsDeps,
  _call: Call,
  request: ListAuditRecordsRequest,
): Promise<ListAuditRecordsResponse> {
  const { filter, before, size } = parse(request)
  // One more than asked tells whether there is a next page.
  const found = await deps.audit.list(filter, before, size + 1)
  const page = found.slice(0, size)
  const last = page.at(-1)
  const more = found.length > size && last !== undefined
  return ListAuditRecordsResponse.fromPartial({
    records: page.map(auditRecordMessage),
    nextPageToken: more ? encodePageToken([String(last.sequence)], scopeOf(request)) : '',
  })
}

const textLengthMax = 256

function parse(request: ListAuditRecordsRequest): { filter: AuditFilter; before: bigint | undefined; size: number } {
  const check = new FieldCheck(errorDomain)
  const text = (field: 'subject' | 'resource' | 'action'): string | undefined => {
    check.that(request[field].length <= textLengthMax, field, `must be at most ${textLengthMax} characters`)
    return request[field] === '' ? undefined : request[field]
  }
  const time = (field: string, value: ListAuditRecordsRequest['startTime']): number | undefined =>
    value && Number(timeNs(check, field, value) / 1_000_000n)
  const filter = {
    subject: text('subject'),
    resource: text('resource'),
    action: text('action'),
    startTimeMs: time('start_time', request.startTime),
    endTimeMs: time('end_time', request.endTime),
  }
  const size = pageSize(request.pageSize, check)
  const before = request.pageToken === '' ? undefined : placeOf(request)
  check.that(request.pageToken === '' || before !== undefined, 'page_token', 'must be of an answer to the same filters')
  check.done()
  return { filter, before, size }
}

function placeOf(request: ListAuditRecordsRequest): bigint | undefined {
  const [sequence = ''] = decodePageToken(request.pageToken, scopeOf(request)) ?? []
  return /^\d{1,18}$/.test(sequence) ? BigInt(sequence) : undefined
}

function scopeOf({ subject, resource, action, startTime, endTime }: ListAuditRecordsRequest): string {
  const times = [startTime, endTime].map((time) => (time === undefined ? '' : `${time.seconds}.${time.nanos}`))
  return JSON.stringify(['audit', subject, resource, action, ...times])
}
