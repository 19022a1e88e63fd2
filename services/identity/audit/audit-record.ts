import { createHash } from 'node:crypto'

/** What happens to accounts, keys and personal data and is kept as evidence, in the transaction that does it. */
export type AuditEventName =
  | 'KEYS_REWRAPPED'
  | 'KYC_DECIDED'
  | 'KYC_EXPIRED'
  | 'KYC_SUBMITTED'
  | 'PASSWORD_CHANGED'
  | 'PASSWORD_RESET'
  | 'REFRESH_TOKEN_REUSED'
  | 'ROLE_GRANTED'
  | 'ROLE_REVOKED'
  | 'SIGNING_KEY_REPUBLISHED'
  | 'SIGNING_KEY_ROTATED'
  | 'SIGN_IN_SLOWED'

export type AuditKind = 'CALL_BEGUN' | 'CALL_ENDED' | 'EVENT'

/** Who did something. */
export interface AuditWho {
  /** In whose name: `users/{uuid}`, `clients/{id}`, `peers/{name}` or `anonymous`. */
  readonly subject: string
  /** The subject, unless somebody acts for it. */
  readonly actor: string
  /** The workload that called; `command` for a command in a shell, `identity` for the service itself. */
  readonly peer: string
  /** `sessions/{uuid}`; empty without one. */
  readonly session: string
  readonly traceId: string
}

/** What a record says. Nothing personal and no secret: names of resources, words of a contract, keyed hashes. */
export interface AuditEntry extends AuditWho {
  readonly timeMs: number
  readonly kind: AuditKind
  /** The same UUID in both records of a call; undefined for an event. */
  readonly callId: string | undefined
  /** `RoleService/GrantRole`, or an event's name. */
  readonly action: string
  /** Empty when there is none. */
  readonly resource: string
  readonly code: string
  readonly reason: string
  readonly requestDigest: Buffer
  /** JSON of an object of strings. Text, since it is hashed. */
  readonly details: string
}

/** A record in its place. */
export interface AuditRecord extends AuditEntry {
  /** From 1, without gaps. */
  readonly sequence: bigint
  readonly previousHash: Buffer
  readonly hash: Buffer
}

/** Where a chain ends: its last record. */
export type AuditHead = Pick<AuditRecord, 'sequence' | 'hash'>

export const emptyChain: AuditHead = { sequence: 0n, hash: Buffer.alloc(32) }

/**
 * The hash of a record: SHA-256 of the hash before and of a JSON array of strings, which says where each field ends. The
 * number of the form comes first, so that the next form can be told apart.
 */
export function hashOfRecord(record: Omit<AuditRecord, 'hash'>): Buffer {
  const fields = [
    '1',
    String(record.sequence),
    new Date(record.timeMs).toISOString(),
    record.kind,
    record.callId ?? '',
    record.subject,
    record.actor,
    record.peer,
    record.session,
    record.action,
    record.resource,
    record.code,
    record.reason,
    record.requestDigest.toString('hex'),
    record.traceId,
    record.details,
  ]
  return createHash('sha256').update(record.previousHash).update(JSON.stringify(fields)).digest()
}

/** The record that puts an entry behind the end of a chain. */
export function nextRecord(head: AuditHead, entry: AuditEntry): AuditRecord {
  const record = { ...entry, sequence: head.sequence + 1n, previousHash: head.hash }
  return { ...record, hash: hashOfRecord(record) }
}
