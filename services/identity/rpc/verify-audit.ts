import {
  AuditDamage,
  type VerifyAuditRequest,
  VerifyAuditResponse,
} from '../../../gen/paymesh/identity/v1/audit_service.js'
import type { Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import type { AuditHead } from '../audit/audit-record.js'
import type { AuditStore } from '../audit/audit-store.js'
import { type AuditVerificationEvent, verifyChain } from '../audit/audit-verification.js'
import { errorDomain } from '../errors.js'

export interface VerifyAuditDeps {
  audit: Pick<AuditStore, 'head' | 'page' | 'firstBeyondHead'>
}

/** Proves the audit chain, page by page. Fails with INVALID_FIELD. */
export async function* verifyAudit(
  deps: VerifyAuditDeps,
  call: Call,
  request: VerifyAuditRequest,
): AsyncIterable<VerifyAuditResponse> {
  const known = parse(request)
  for await (const event of verifyChain(deps.audit, known, call.signal)) yield messageOf(event)
}

function messageOf(event: AuditVerificationEvent): VerifyAuditResponse {
  if (event.kind === 'progress') {
    const { checkedCount, totalCount } = event
    return VerifyAuditResponse.fromPartial({ event: { $case: 'progress', progress: { checkedCount, totalCount } } })
  }
  const { checkedCount, head, broken } = event
  const result = {
    checkedCount,
    ...(broken && { damage: AuditDamage[broken.damage], brokenSequence: broken.sequence }),
    headSequence: head.sequence,
    headHash: head.hash,
  }
  return VerifyAuditResponse.fromPartial({ event: { $case: 'result', result } })
}

const hashBytes = 32

function parse({ knownSequence, knownHash }: VerifyAuditRequest): AuditHead | undefined {
  const check = new FieldCheck(errorDomain)
  check.that(knownSequence >= 0n, 'known_sequence', 'must be 0 or more')
  const wanted = knownSequence === 0n ? 0 : hashBytes
  check.that(knownHash.length === wanted, 'known_hash', 'must be 32 bytes, and go with known_sequence')
  check.done()
  return knownSequence === 0n ? undefined : { sequence: knownSequence, hash: Buffer.from(knownHash) }
}
