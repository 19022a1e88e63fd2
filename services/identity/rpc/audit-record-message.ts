import { z } from 'zod'
import { AuditRecord as AuditRecordMessage, AuditRecordKind } from '../../../gen/paymesh/identity/v1/audit_service.js'
import type { AuditRecord } from '../audit/audit-record.js'
import { timestamp } from './timestamp.js'

const detailsSchema = z.record(z.string(), z.string())

/** The record as the contract shows it. */
export function auditRecordMessage(record: AuditRecord): AuditRecordMessage {
  return AuditRecordMessage.fromPartial({
    sequence: record.sequence,
    createTime: timestamp(record.timeMs),
    kind: AuditRecordKind[record.kind],
    call: record.callId ?? '',
    subject: record.subject,
    actor: record.actor,
    peer: record.peer,
    session: record.session,
    action: record.action,
    resource: record.resource,
    code: record.code,
    reason: record.reason,
    requestDigest: record.requestDigest,
    traceId: record.traceId,
    details: detailsOf(record.details),
    previousHash: record.previousHash,
    hash: record.hash,
  })
}

// Somebody may have changed them; they are shown as they are then, since only VerifyAudit judges.
function detailsOf(text: string): Record<string, string> {
  try {
    return detailsSchema.parse(JSON.parse(text))
  } catch {
    return { unreadable: text }
  }
}
