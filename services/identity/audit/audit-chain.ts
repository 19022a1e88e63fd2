import type pg from 'pg'
import {
  type AuditEntry,
  type AuditEventName,
  type AuditHead,
  type AuditRecord,
  type AuditWho,
  nextRecord,
} from './audit-record.js'

/** Something that happened. */
export interface AuditEvent {
  readonly event: AuditEventName
  readonly who: AuditWho
  readonly timeMs: number
  /** Empty when there is none. */
  readonly resource: string
  /** Words of the contract, names and numbers: never anything personal. */
  readonly details?: Readonly<Record<string, string>>
}

/**
 * Adds a record to the chain, in the transaction of what it tells of. It must be the transaction's last statement: the
 * end of the chain is locked until the commit, so that whoever waits for it waits for nothing else, and nobody for long.
 */
export async function appendRecord(client: pg.ClientBase, entry: AuditEntry): Promise<AuditRecord> {
  const { rows } = await client.query<AuditHead>({
    name: 'lock-audit-head',
    text: `select sequence, hash from audit_head for update`,
  })
  const [head] = rows
  if (head === undefined) throw new Error('audit_head has no row')
  const record = nextRecord(head, entry)
  await client.query({
    name: 'add-audit-record',
    text: `with head as (update audit_head set sequence = $1, hash = $16)
      insert into audit_records (sequence, create_time, kind, call_id, subject, actor, peer, session, action, resource,
        code, reason, request_digest, trace_id, details, hash, previous_hash)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
    values: valuesOf(record),
  })
  return record
}

/** Adds the record of an event. As `appendRecord`, the transaction's last statement. */
export async function appendEvent(client: pg.ClientBase, event: AuditEvent): Promise<AuditRecord> {
  return await appendRecord(client, {
    ...event.who,
    timeMs: event.timeMs,
    kind: 'EVENT',
    callId: undefined,
    action: event.event,
    resource: event.resource,
    code: '',
    reason: '',
    requestDigest: Buffer.alloc(0),
    details: JSON.stringify(event.details ?? {}),
  })
}

function valuesOf(record: AuditRecord): unknown[] {
  return [
    record.sequence,
    new Date(record.timeMs),
    record.kind,
    record.callId ?? null,
    record.subject,
    record.actor,
    record.peer,
    record.session,
    record.action,
    record.resource,
    record.code,
    record.reason,
    record.requestDigest,
    record.traceId,
    record.details,
    record.hash,
    record.previousHash,
  ]
}
