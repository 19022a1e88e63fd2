import { randomUUID } from 'node:crypto'
import {
  GetKycRequest,
  type Kyc,
  KycDecision,
  KycDocumentKind,
  KycLevel,
  type KycRejectReason,
  KycServiceService,
  ReviewKycRequest,
  SubmitKycRequest,
} from '../../../gen/paymesh/identity/v1/kyc_service.js'
import type { Claims, TestIdentity } from './harness.js'

export const reviewer: Claims = { sub: 'users/0198c0de-0000-7000-8000-000000004e71', permissions: ['kyc:review'] }

export const passport = { kind: KycDocumentKind.PASSPORT, content: Buffer.from('a passport') }
export const selfie = { kind: KycDocumentKind.SELFIE, content: Buffer.from('a face') }
export const bill = { kind: KycDocumentKind.PROOF_OF_ADDRESS, content: Buffer.from('a bill') }

export async function submitKyc(identity: TestIdentity, sub: string, request: object = {}): Promise<Kyc> {
  // So that of two cases one is the newer.
  identity.clock.advance(1)
  const given = {
    name: 'users/me/kyc',
    requestId: randomUUID(),
    level: KycLevel.BASIC,
    documents: [passport],
    ...request,
  }
  const answer = await identity.call(KycServiceService.submitKyc, SubmitKycRequest.fromPartial(given), {
    claims: { sub },
  })
  return answer.kyc!
}

export async function getKyc(identity: TestIdentity, claims: Claims, name = 'users/me/kyc'): Promise<Kyc> {
  return (await identity.call(KycServiceService.getKyc, GetKycRequest.fromPartial({ name }), { claims })).kyc!
}

/** Decides as the reviewer: a refusal when there is a reason. */
export async function reviewKyc(
  identity: TestIdentity,
  { name, case: id }: Pick<Kyc, 'name' | 'case'>,
  rejectReason?: KycRejectReason,
  claims: Claims = reviewer,
): Promise<Kyc> {
  const verdict =
    rejectReason === undefined ? { decision: KycDecision.VERIFY } : { decision: KycDecision.REJECT, rejectReason }
  const request = ReviewKycRequest.fromPartial({ name, case: id, ...verdict })
  return (await identity.call(KycServiceService.reviewKyc, request, { claims })).kyc!
}

/** A user whose level was verified. */
export async function verifyKyc(identity: TestIdentity, sub: string, request: object = {}): Promise<Kyc> {
  const kyc = await submitKyc(identity, sub, request)
  await identity.parts.kycChecks.check()
  return await reviewKyc(identity, kyc)
}
