import { EntrySide } from '../../../gen/paymesh/ledger/v1/entry.js'
import { type ReconcileRequest, type ReconcileResponse } from '../../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import {
  type ReconciliationFinding,
  ReconciliationOutcome,
  type ReconciliationProgress,
  type ReconciliationSummary,
  RecordStatus,
  StatementRecord,
} from '../../../gen/paymesh/ledger/v1/reconciliation.js'
import { type BidiCall } from '../../runtime/client.js'
import { fromUint128, toUint128 } from '../../runtime/ids.js'

export interface Reconciled {
  readonly findings: readonly ReconciliationFinding[]
  readonly progress: readonly ReconciliationProgress[]
  readonly summary: ReconciliationSummary | undefined
}

/** Everything that a reconciliation answers. */
export async function answersOf(stream: BidiCall<ReconcileRequest, ReconcileResponse>): Promise<Reconciled> {
  const messages: ReconcileResponse[] = []
  for await (const message of stream.responses) messages.push(message)
  const last = messages.at(-1)?.event
  return {
    findings: messages.flatMap(({ event }) => (event?.$case === 'finding' ? [event.finding] : [])),
    progress: messages.flatMap(({ event }) => (event?.$case === 'progress' ? [event.progress] : [])),
    summary: last?.$case === 'summary' ? last.summary : undefined,
  }
}

/** A finding in a line: outcome, whose it is, and the differences. */
export function line({ outcome, record, recordCount, entry, differences }: ReconciliationFinding): string {
  const [name] = Object.entries(ReconciliationOutcome).find(([, value]) => value === outcome) ?? []
  const whose = record?.externalId ?? `transfer ${fromUint128(entry?.transferId)}`
  const several = recordCount > 1n ? ` x${recordCount}` : ''
  const how = differences.map(({ field, expected, found }) => ` ${field} ${expected}/${found}`)
  return `${name} ${whose}${several}${how.join('')}`
}

export interface RecordFields {
  readonly side?: EntrySide
  readonly asset?: string
  readonly externalId?: string
  readonly pending?: boolean
  readonly undecided?: boolean
}

function record(key: StatementRecord['key'], amount: bigint, name: string, fields: RecordFields = {}): StatementRecord {
  const { side = EntrySide.CREDIT, asset = 'THB', externalId = name, pending = false, undecided = false } = fields
  const status = pending ? RecordStatus.PENDING : RecordStatus.UNSPECIFIED
  const money = { assetCode: asset, minorUnits: amount }
  return StatementRecord.fromPartial({ externalId, key, side, amount: money, status, undecided })
}

/** A record keyed by transfer, called `t` and its id. */
export function byTransfer(id: bigint, amount: bigint, fields?: RecordFields): StatementRecord {
  return record({ $case: 'transferId', transferId: toUint128(id) }, amount, `t${id}`, fields)
}

/** A record keyed by subject, called `s` and its id. */
export function bySubject(id: bigint, amount: bigint, fields?: RecordFields): StatementRecord {
  return record({ $case: 'subject', subject: toUint128(id) }, amount, `s${id}`, fields)
}
