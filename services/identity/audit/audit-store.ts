import type pg from 'pg'
import { transaction } from '../../runtime/postgres.js'
import { appendEvent, type AuditEvent, appendRecord } from './audit-chain.js'
import { type AuditEntry, type AuditHead, type AuditKind, type AuditRecord, emptyChain } from './audit-record.js'

/** Which records to list; undefined: any. */
export interface AuditFilter {
  readonly subject: string | undefined
  readonly resource: string | undefined
  readonly action: string | undefined
  readonly startTimeMs: number | undefined
  /** Exclusive. */
  readonly endTimeMs: number | undefined
}

interface Row {
  sequence: bigint
  create_time: Date
  kind: AuditKind
  call_id: string | null
  subject: string
  actor: string
  peer: string
  session: string
  action: string
  resource: string
  code: string
  reason: string
  request_digest: Buffer
  trace_id: string
  details: string
  previous_hash: Buffer
  hash: Buffer
}

const columns = `sequence, create_time, kind, call_id, subject, actor, peer, session, action, resource, code, reason,
  request_digest, trace_id, details, previous_hash, hash`

export class AuditStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** Adds a record that tells of nothing in this database. */
  async append(entry: AuditEntry): Promise<AuditRecord> {
    return await transaction(this.#pool, (client) => appendRecord(client, entry))
  }

  /** Adds the record of an event that changes nothing in this database. */
  async appendEvent(event: AuditEvent): Promise<AuditRecord> {
    return await transaction(this.#pool, (client) => appendEvent(client, event))
  }

  /** At most `countMax` records before a place, newest first. */
  async list(filter: AuditFilter, before: bigint | undefined, countMax: number): Promise<AuditRecord[]> {
    const { subject, resource, action, startTimeMs, endTimeMs } = filter
    const time = (ms: number | undefined) => (ms === undefined ? null : new Date(ms))
    const { rows } = await this.#pool.query<Row>(
      `select ${columns} from audit_records
        where ($1::bigint is null or sequence < $1) and ($2::text is null or subject = $2)
          and ($3::text is null or resource = $3 and resource <> '') and ($4::text is null or action = $4)
          and ($5::timestamptz is null or create_time >= $5) and ($6::timestamptz is null or create_time < $6)
        order by sequence desc limit $7`,
      [before ?? null, subject ?? null, resource ?? null, action ?? null, time(startTimeMs), time(endTimeMs), countMax],
    )
    return rows.map(recordOf)
  }

  /** At most `countMax` records behind a place, up to another, in their order. */
  async page(after: bigint, upTo: bigint, countMax: number): Promise<AuditRecord[]> {
    const { rows } = await this.#pool.query<Row>({
      name: 'page-audit-records',
      text: `select ${columns} from audit_records where sequence > $1 and sequence <= $2 order by sequence limit $3`,
      values: [after, upTo, countMax],
    })
    return rows.map(recordOf)
  }

  /** Where the chain ends. */
  async head(): Promise<AuditHead> {
    const { rows } = await this.#pool.query<AuditHead>(`select sequence, hash from audit_head`)
    return rows[0] ?? emptyChain
  }

  /** The first record behind the end of the chain; undefined when there is none, as it should be. */
  async firstBeyondHead(): Promise<bigint | undefined> {
    const { rows } = await this.#pool.query<{ sequence: bigint }>(
      `select r.sequence from audit_records r join audit_head h on r.sequence > h.sequence order by 1 limit 1`,
    )
    return rows[0]?.sequence
  }
}

function recordOf(row: Row): AuditRecord {
  return {
    sequence: row.sequence,
    timeMs: row.create_time.getTime(),
    kind: row.kind,
    callId: row.call_id ?? undefined,
    subject: row.subject,
    actor: row.actor,
    peer: row.peer,
    session: row.session,
    action: row.action,
    resource: row.resource,
    code: row.code,
    reason: row.reason,
    requestDigest: row.request_digest,
    traceId: row.trace_id,
    details: row.details,
    previousHash: row.previous_hash,
    hash: row.hash,
  }
}
