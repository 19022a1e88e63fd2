import assert from 'node:assert/strict'
import { validate } from 'uuid'
import {
  KycDecision,
  KycRejectReason,
  type ReviewKycRequest,
  ReviewKycResponse,
} from '../../../gen/paymesh/identity/v1/kyc_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { whoCalls } from '../audit/audit-who.js'
import { errorDomain, identityError } from '../errors.js'
import { type KycCase, rejectReasons, stateAt } from '../kyc/kyc-case.js'
import type { KycStore, Verdict } from '../kyc/kyc-store.js'
import { userName } from '../users/user.js'
import { kycMessage, kycUserId } from './kyc-message.js'
import { callerUserId } from './own-user.js'

export interface ReviewKycDeps {
  kyc: Pick<KycStore, 'list' | 'decide'>
  clock: Clock
}

/** Decides a case. Fails with INVALID_FIELD, OWN_KYC, KYC_NOT_FOUND, KYC_NOT_IN_REVIEW, in this order. */
export async function reviewKyc(
  deps: ReviewKycDeps,
  call: Call,
  request: ReviewKycRequest,
): Promise<ReviewKycResponse> {
  const reviewer = userName(callerUserId(call))
  const { userId, id, verdict } = parse(request, reviewer)
  if (userName(userId) === reviewer) throw identityError('OWN_KYC')
  const nowMs = deps.clock.nowMs()
  // Decided first, and read afterwards: of two reviewers at once the second reads what the first decided.
  await deps.kyc.decide({ id, userId }, verdict, whoCalls(call), nowMs)
  const cases = await deps.kyc.list(userId)
  const found = cases.find((one) => one.id === id)
  if (found === undefined) throw identityError('KYC_NOT_FOUND')
  if (!isDecidedSo(found, verdict, reviewer)) {
    throw identityError('KYC_NOT_IN_REVIEW', { state: stateAt(found, nowMs) })
  }
  return ReviewKycResponse.fromPartial({ kyc: kycMessage(userId, found, cases, 'reviewer', nowMs) })
}

/** Whether this is the reviewer's decision, made now or before. */
function isDecidedSo({ state, reviewer, rejectReason }: KycCase, verdict: Verdict, asking: string): boolean {
  if (reviewer !== asking) return false
  return verdict.decision === 'VERIFY' ? state !== 'REJECTED' : rejectReason === verdict.reason
}

function parse(request: ReviewKycRequest, callerName: string): { userId: string; id: string; verdict: Verdict } {
  const check = new FieldCheck(errorDomain)
  const userId = kycUserId(check, request.name, callerName)
  const id = request.case
  check.that(validate(id) && id === id.toLowerCase(), 'case', 'must be a case of GetKyc, a UUID')
  const verdict = parseVerdict(check, request)
  check.done()
  assert(userId !== undefined && verdict !== undefined)
  return { userId, id, verdict }
}

function parseVerdict(check: FieldCheck, request: ReviewKycRequest): Verdict | undefined {
  const given = request.rejectReason
  const reason = rejectReasons.find((known) => KycRejectReason[known] === given)
  switch (request.decision) {
    case KycDecision.VERIFY:
      check.that(given === KycRejectReason.UNSPECIFIED, 'reject_reason', 'must be absent')
      return { decision: 'VERIFY' }
    case KycDecision.REJECT:
      check.that(reason !== undefined, 'reject_reason', 'is required of a refusal')
      return reason && { decision: 'REJECT', reason }
    default:
      check.that(false, 'decision', 'must be VERIFY or REJECT')
      return undefined
  }
}
