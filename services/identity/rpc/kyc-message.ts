import {
  Kyc,
  KycDocumentKind,
  KycFinding,
  KycLevel,
  KycRejectReason,
  KycState,
} from '../../../gen/paymesh/identity/v1/kyc_service.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain } from '../errors.js'
import { inForce, type KycCase, stateAt } from '../kyc/kyc-case.js'
import { kycOf } from '../kyc/kyc-store.js'
import { take } from '../parsed.js'
import { parseUserName } from '../users/user.js'
import { timestamp } from './timestamp.js'

/** Whom an answer is for. */
export type KycReader = 'user' | 'reviewer'

/** One of a user's cases, all of which are given, newest first, as the contract shows it; state NONE without a case. */
export function kycMessage(
  userId: string,
  shown: KycCase | undefined,
  cases: readonly KycCase[],
  reader: KycReader,
  nowMs: number,
): Kyc {
  const best = inForce(cases, nowMs)
  const user = { name: kycOf(userId), ...(best && { verifiedLevel: KycLevel[best.level] }) }
  if (shown === undefined) return Kyc.fromPartial({ ...user, state: KycState.NONE })
  const time = (field: string, ms: number | undefined) => (ms === undefined ? {} : { [field]: timestamp(ms) })
  return Kyc.fromPartial({
    ...user,
    case: shown.id,
    state: KycState[stateAt(shown, nowMs)],
    level: KycLevel[shown.level],
    submitTime: timestamp(shown.submitTimeMs),
    ...time('reviewTime', shown.reviewTimeMs),
    ...time('expireTime', shown.expireTimeMs),
    ...(shown.rejectReason && { rejectReason: KycRejectReason[shown.rejectReason] }),
    documents: shown.documents.map(({ kind, digest, sizeBytes }) => ({
      kind: KycDocumentKind[kind],
      digest,
      sizeBytes,
    })),
    ...(reader === 'reviewer' && shown.finding !== undefined && { finding: KycFinding[shown.finding] }),
    ...(reader === 'reviewer' && { providerReference: shown.providerReference }),
  })
}

/** The user of `users/{user}/kyc`, where `me` is the caller. Notes a violation of `name`. */
export function kycUserId(check: FieldCheck, name: string, callerName: string): string | undefined {
  const [, user = ''] = /^(users\/[^/]*)\/kyc$/.exec(name) ?? []
  if (user === '') {
    check.that(false, 'name', name === '' ? 'is required' : 'must be users/{uuid}/kyc')
    return undefined
  }
  return take(check, 'name', parseUserName(user === 'users/me' ? callerName : user))
}

/** The user of a request that is nothing but a name. Throws INVALID_FIELD. */
export function requireKycUserId(name: string, callerName: string): string {
  const check = new FieldCheck(errorDomain)
  const userId = kycUserId(check, name, callerName)
  check.done()
  if (userId === undefined) throw new Error('unreachable: the name was checked')
  return userId
}
