import { type AuditHead, type AuditRecord, emptyChain, hashOfRecord } from './audit-record.js'
import type { AuditStore } from './audit-store.js'

/** How a chain is broken; audit_service.proto says what each means. */
export type AuditDamage = 'MISSING' | 'CHANGED' | 'DETACHED' | 'BEYOND_HEAD' | 'HEAD_DIFFERS' | 'KNOWN_DIFFERS'

/** The first broken record, and how it is broken. */
export interface BrokenRecord {
  readonly sequence: bigint
  readonly damage: AuditDamage
}

export type AuditVerificationEvent =
  | { kind: 'progress'; checkedCount: bigint; totalCount: bigint }
  | { kind: 'result'; checkedCount: bigint; head: AuditHead; broken: BrokenRecord | undefined }

/** A page is one statement; more would hold a snapshot for longer than PostgreSQL's clean-up likes. */
const pageSize = 1000

/**
 * Proves a chain up to the record that is the last one now. `known` is a record whose hash was kept elsewhere: against who
 * made the whole chain anew. The first broken record ends it, since behind it nothing is proven.
 */
export async function* verifyChain(
  store: Pick<AuditStore, 'head' | 'page' | 'firstBeyondHead'>,
  known: AuditHead | undefined,
  signal: AbortSignal,
): AsyncGenerator<AuditVerificationEvent> {
  const head = await store.head()
  let last: AuditHead = emptyChain
  while (last.sequence < head.sequence) {
    signal.throwIfAborted()
    const page = await store.page(last.sequence, head.sequence, pageSize)
    for (const record of page) {
      const damage = damageOf(record, last, known)
      if (damage !== undefined) {
        yield { kind: 'result', checkedCount: last.sequence, head, broken: { sequence: last.sequence + 1n, damage } }
        return
      }
      last = record
    }
    if (page.length === 0) break
    yield { kind: 'progress', checkedCount: last.sequence, totalCount: head.sequence }
  }
  yield { kind: 'result', checkedCount: last.sequence, head, broken: await brokenEnd(store, last, head, known) }
}

function damageOf(record: AuditRecord, last: AuditHead, known: AuditHead | undefined): AuditDamage | undefined {
  if (record.sequence !== last.sequence + 1n) return 'MISSING'
  if (!record.hash.equals(hashOfRecord(record))) return 'CHANGED'
  if (!record.previousHash.equals(last.hash)) return 'DETACHED'
  return record.sequence === known?.sequence && !record.hash.equals(known.hash) ? 'KNOWN_DIFFERS' : undefined
}

async function brokenEnd(
  store: Pick<AuditStore, 'firstBeyondHead'>,
  last: AuditHead,
  head: AuditHead,
  known: AuditHead | undefined,
): Promise<BrokenRecord | undefined> {
  if (last.sequence < head.sequence) return { sequence: last.sequence + 1n, damage: 'MISSING' }
  if (!last.hash.equals(head.hash)) return { sequence: last.sequence, damage: 'HEAD_DIFFERS' }
  if (known !== undefined && known.sequence > head.sequence) return { sequence: head.sequence + 1n, damage: 'MISSING' }
  const beyond = await store.firstBeyondHead()
  return beyond === undefined ? undefined : { sequence: beyond, damage: 'BEYOND_HEAD' }
}
