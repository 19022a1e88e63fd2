import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { validate } from 'uuid'
import {
  type Kyc,
  KycDocumentKind,
  KycLevel as KycLevelMessage,
  type SubmitKycRequest,
  SubmitKycResponse,
} from '../../../gen/paymesh/identity/v1/kyc_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { whoCalls } from '../audit/audit-who.js'
import { errorDomain, identityError } from '../errors.js'
import type { KeyedHash } from '../keyed-hash.js'
import {
  type DocumentKind,
  documentKinds,
  type DocumentSummary,
  isProven,
  type KycLevel,
  kycLevels,
  missingFor,
} from '../kyc/kyc-case.js'
import { documentField, type KycStore, type NewCase } from '../kyc/kyc-store.js'
import { userName } from '../users/user.js'
import type { UserStore } from '../users/user-store.js'
import type { Vault } from '../vault/vault.js'
import { kycMessage, kycUserId } from './kyc-message.js'
import { callerUserId } from './own-user.js'

export interface SubmitKycDeps {
  users: Pick<UserStore, 'find'>
  kyc: Pick<KycStore, 'list' | 'findRequest' | 'submit'>
  vault: Vault
  keyedHash: KeyedHash
  clock: Clock
  newId: () => string
  /** Told after a case was stored. */
  nudgeKyc: () => void
}

interface Submission {
  userId: string
  requestId: string
  level: KycLevel
  documents: (DocumentSummary & { content: Buffer })[]
}

/**
 * Hands in documents. Fails with INVALID_FIELD, NOT_OWNER, USER_NOT_FOUND, REQUEST_ID_REUSED, KYC_OPEN, KYC_VERIFIED, in
 * this order.
 */
export async function submitKyc(
  deps: SubmitKycDeps,
  call: Call,
  request: SubmitKycRequest,
): Promise<SubmitKycResponse> {
  const own = callerUserId(call)
  const submission = parse(request, userName(own))
  if (submission.userId !== own) throw identityError('NOT_OWNER')
  const requestHash = hashOf(deps.keyedHash, submission)
  return SubmitKycResponse.fromPartial({
    kyc: (await answerAgain(deps, submission, requestHash)) ?? (await submit(deps, call, submission, requestHash)),
  })
}

async function submit(deps: SubmitKycDeps, call: Call, submission: Submission, requestHash: Buffer): Promise<Kyc> {
  const refused = await trySubmit(deps, call, submission, requestHash)
  // Looked for whatever came of it: the same call at the same moment may have been quicker, and its case is no obstacle.
  const answer = await answerAgain(deps, submission, requestHash)
  if (answer !== undefined) return answer
  assert(refused !== undefined)
  throw identityError(refused)
}

/** Stores the case; answers why not. Throws USER_NOT_FOUND. */
async function trySubmit(
  deps: SubmitKycDeps,
  call: Call,
  submission: Submission,
  requestHash: Buffer,
): Promise<'KYC_OPEN' | 'KYC_VERIFIED' | undefined> {
  const { userId, level } = submission
  const user = await deps.users.find(userId)
  if (user === undefined) throw identityError('USER_NOT_FOUND', { user: userName(userId) })
  const nowMs = deps.clock.nowMs()
  const cases = await deps.kyc.list(userId)
  if (cases.some(({ state }) => state === 'SUBMITTED' || state === 'IN_REVIEW')) return 'KYC_OPEN'
  if (isProven(level, cases, nowMs)) return 'KYC_VERIFIED'
  const added = sealCase(deps, submission, user.person.dataKey, { requestHash, nowMs })
  switch (await deps.kyc.submit(added, whoCalls(call))) {
    case 'submitted':
      deps.nudgeKyc()
      return undefined
    case 'request_exists':
      return undefined
    case 'open':
      return 'KYC_OPEN'
    case 'no_user':
      throw identityError('USER_NOT_FOUND', { user: userName(userId) })
  }
}

/** The case of a request that was made before; undefined when it was not. Throws REQUEST_ID_REUSED. */
async function answerAgain(
  { kyc, clock }: SubmitKycDeps,
  { userId, requestId }: Submission,
  requestHash: Buffer,
): Promise<Kyc | undefined> {
  const made = await kyc.findRequest(userId, requestId)
  if (made === undefined) return undefined
  if (!made.requestHash.equals(requestHash)) throw identityError('REQUEST_ID_REUSED', { request_id: requestId })
  const cases = await kyc.list(userId)
  return kycMessage(
    userId,
    cases.find(({ id }) => id === made.id),
    cases,
    'user',
    clock.nowMs(),
  )
}

function sealCase(
  { vault, newId }: SubmitKycDeps,
  { userId, requestId, level, documents }: Submission,
  dataKey: Parameters<Vault['sealBytes']>[1],
  { requestHash, nowMs }: { requestHash: Buffer; nowMs: number },
): NewCase {
  const id = newId()
  const sealed = documents.map(({ kind, digest, sizeBytes, content }) => {
    return { kind, digest, sizeBytes, sealed: vault.sealBytes(userId, dataKey, documentField(id, kind), content) }
  })
  return { id, userId, requestId, requestHash, level, submitTimeMs: nowMs, documents: sealed }
}

function hashOf(keyedHash: KeyedHash, { level, documents }: Submission): Buffer {
  const parts = documents.map(({ kind, digest }) => `${kind} ${digest.toString('hex')}`)
  return keyedHash.of('kyc_request', level, ...parts.sort())
}

/** What fits into a body at the edge, of 65,536 bytes, as base64. */
const contentBytesMax = 40_000

function parse(request: SubmitKycRequest, callerName: string): Submission {
  const check = new FieldCheck(errorDomain)
  const userId = kycUserId(check, request.name, callerName)
  const { requestId } = request
  check.that(validate(requestId) && requestId === requestId.toLowerCase(), 'request_id', 'must be a UUID in lower case')
  const level = kycLevels.find((known) => KycLevelMessage[known] === request.level)
  check.that(level !== undefined, 'level', 'must be BASIC or FULL')
  const documents = parseDocuments(check, request)
  if (check.ok && level !== undefined) {
    const missing = missingFor(
      level,
      documents.map(({ kind }) => kind),
    )
    check.that(missing.length === 0, 'documents', `must have ${missing.join(', ')}`)
  }
  check.done()
  assert(userId !== undefined && level !== undefined)
  return { userId, requestId, level, documents }
}

function parseDocuments(check: FieldCheck, { documents }: SubmitKycRequest): Submission['documents'] {
  const countMax = documentKinds.length
  const count = documents.length
  if (!check.that(count > 0 && count <= countMax, 'documents', `must be 1 to ${countMax}`)) return []
  const sizeBytes = documents.reduce((sum, { content }) => sum + content.length, 0)
  check.that(sizeBytes <= contentBytesMax, 'documents', `must be at most ${contentBytesMax} bytes together`)
  const kinds = new Set<DocumentKind>()
  return documents.flatMap(({ kind: number, content }, index) => {
    const kind = documentKinds.find((known) => KycDocumentKind[known] === number)
    const field = `documents[${index}]`
    check.that(content.length > 0, `${field}.content`, 'is required')
    if (!check.that(kind !== undefined && !kinds.has(kind), `${field}.kind`, 'must be a kind, each once')) return []
    assert(kind !== undefined)
    kinds.add(kind)
    const digest = createHash('sha256').update(content).digest()
    return [{ kind, digest, sizeBytes: content.length, content: Buffer.from(content) }]
  })
}
