import { EntrySide } from '../../../gen/paymesh/ledger/v1/entry.js'
import { RecordStatus, type StatementRecord as RecordMessage } from '../../../gen/paymesh/ledger/v1/reconciliation.js'
import { type FieldCheck } from '../../runtime/field-check.js'
import { fromUint128 } from '../../runtime/ids.js'
import { type RecordKey, type StatementRecord } from '../reconciliation/statement-record.js'
import { timeNs } from '../../runtime/period.js'

const RECORDS_PER_MESSAGE_MAX = 1000
const EXTERNAL_ID_LENGTH_MAX = 140
const ASSET_CODE = /^[A-Z0-9]{1,16}$/
const STATUSES: readonly number[] = [RecordStatus.UNSPECIFIED, RecordStatus.POSTED, RecordStatus.PENDING]

/**
 * The records of one message. Notes only what is wrong with the first that is wrong: a file of the wrong kind is wrong
 * in each of its lines, and an answer's trailers hold a few kilobytes.
 */
export function checkedRecords(check: FieldCheck, messages: readonly RecordMessage[]): StatementRecord[] {
  const fits = messages.length <= RECORDS_PER_MESSAGE_MAX
  if (!check.that(fits, 'records', `must be at most ${RECORDS_PER_MESSAGE_MAX} a message`)) return []
  const records: StatementRecord[] = []
  for (const [index, message] of messages.entries()) {
    records.push(recordOf(check, `records[${index}]`, message))
    if (!check.ok) break
  }
  return records
}

function recordOf(check: FieldCheck, field: string, message: RecordMessage): StatementRecord {
  const { externalId, amount, side, status, time, undecided: isUndecided } = message
  const length = Array.from(externalId).length
  const isLength = length > 0 && length <= EXTERNAL_ID_LENGTH_MAX
  check.that(isLength, `${field}.external_id`, `must be 1 to ${EXTERNAL_ID_LENGTH_MAX} characters`)
  const key = keyOf(check, field, message)
  const isSide = side === EntrySide.DEBIT || side === EntrySide.CREDIT
  check.that(isSide, `${field}.side`, 'must be a side of the account')
  const { assetCode = '', minorUnits = -1n } = amount ?? {}
  check.that(ASSET_CODE.test(assetCode), `${field}.amount.asset_code`, 'must be 1 to 16 of A-Z 0-9')
  check.that(minorUnits >= 0n, `${field}.amount.minor_units`, 'must be there and not negative')
  if (time !== undefined) timeNs(check, `${field}.time`, time)
  check.that(STATUSES.includes(status), `${field}.status`, 'must be a status of a record')
  check.that(!isUndecided || key.kind === 'transfer', `${field}.undecided`, 'must go with a transfer_id')
  return {
    key,
    side: side === EntrySide.DEBIT ? 'DEBIT' : 'CREDIT',
    assetCode,
    amount: minorUnits,
    isPending: status === RecordStatus.PENDING,
    isUndecided,
    message,
  }
}

function keyOf(check: FieldCheck, field: string, { key }: RecordMessage): RecordKey {
  const kind = key?.$case === 'subject' ? 'subject' : 'transfer'
  const id = fromUint128(key?.$case === 'subject' ? key.subject : key?.transferId)
  check.that(key !== undefined, `${field}.transfer_id`, 'or subject is required')
  if (key !== undefined) check.that(id !== 0n, `${field}.${kind === 'subject' ? kind : 'transfer_id'}`, 'must not be 0')
  return { kind, id }
}
