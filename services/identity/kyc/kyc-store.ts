import type pg from 'pg'
import { isUniqueViolation, transaction } from '../../runtime/postgres.js'
import { appendEvent } from '../audit/audit-chain.js'
import type { AuditWho } from '../audit/audit-record.js'
import { whoInside } from '../audit/audit-who.js'
import { userName } from '../users/user.js'
import {
  type DocumentKind,
  type DocumentSummary,
  type KycCase,
  type KycFinding,
  type KycLevel,
  type KycState,
  type RejectReason,
  sourceOf,
  verifiedForMs,
} from './kyc-case.js'

export interface NewCase {
  readonly id: string
  readonly userId: string
  readonly requestId: string
  readonly requestHash: Buffer
  readonly level: KycLevel
  readonly submitTimeMs: number
  readonly documents: readonly (DocumentSummary & { readonly sealed: Buffer })[]
}

/** What a reviewer decided. */
export type Verdict = { readonly decision: 'VERIFY' } | { readonly decision: 'REJECT'; readonly reason: RejectReason }

interface Row {
  id: string
  user_id: string
  level: KycLevel
  state: KycState
  submit_time: Date
  finding: KycFinding | null
  provider_reference: string
  review_time: Date | null
  reviewer: string | null
  reject_reason: RejectReason | null
  expire_time: Date | null
  documents: { kind: DocumentKind; digest: string; size_bytes: number }[]
}

const columns = `c.id, c.user_id, c.level, c.state, c.submit_time, c.finding, c.provider_reference, c.review_time, c.reviewer,
  c.reject_reason, c.expire_time, coalesce((select json_agg(json_build_object('kind', d.kind,
    'digest', encode(d.digest, 'hex'), 'size_bytes', d.size_bytes) order by d.kind)
    from kyc_documents d where d.case_id = c.id), '[]') as documents`

/** A user has few cases: each took a decision of a person. */
const casesMax = 100

export class KycStore {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** The user's cases, newest first. */
  async list(userId: string): Promise<KycCase[]> {
    const { rows } = await this.#pool.query<Row>({
      name: 'list-kyc-cases',
      text: `select ${columns} from kyc_cases c where user_id = $1 order by submit_time desc, id desc limit ${casesMax}`,
      values: [userId],
    })
    return rows.map(caseOf)
  }

  /** The case that was made under the request id, and what was handed in with it; undefined when there is none. */
  async findRequest(userId: string, requestId: string): Promise<{ id: string; requestHash: Buffer } | undefined> {
    const { rows } = await this.#pool.query<{ id: string; requestHash: Buffer }>({
      name: 'find-kyc-request',
      text: `select id, request_hash as "requestHash" from kyc_cases where user_id = $1 and request_id = $2`,
      values: [userId, requestId],
    })
    return rows[0]
  }

  /**
   * Stores a case with its documents. `request_exists` when the request id is taken, `open` when another case is open,
   * `no_user` when the user's data key was dropped meanwhile.
   */
  async submit(added: NewCase, who: AuditWho): Promise<'submitted' | 'request_exists' | 'open' | 'no_user'> {
    try {
      return await transaction(this.#pool, (client) => insertCase(client, added, who))
    } catch (error) {
      if (isUniqueViolation(error, 'kyc_cases_request_once')) return 'request_exists'
      if (isUniqueViolation(error, 'kyc_cases_one_open')) return 'open'
      throw error
    }
  }

  /**
   * Takes at most `countMax` cases of which the provider is to be asked and puts the next attempt off, by 2 s at first and
   * twice as long each time, so that no other replica asks meanwhile.
   */
  async takeSubmitted(nowMs: number, countMax: number): Promise<{ found: KycCase; checkCount: number }[]> {
    const { rows } = await this.#pool.query<Row & { check_count: number }>({
      name: 'take-kyc-cases',
      text: `update kyc_cases c set check_count = check_count + 1,
          check_time = $1::timestamptz + make_interval(secs => power(2, least(check_count + 1, 12)))
        where id in (select id from kyc_cases where state = 'SUBMITTED' and check_time <= $1 order by check_time limit $2
          for update skip locked)
        returning ${columns}, check_count`,
      values: [new Date(nowMs), countMax],
    })
    return rows.map((row) => ({ found: caseOf(row), checkCount: row.check_count }))
  }

  /** Brings a case to a person. False when it is there already. */
  async beginReview(id: string, finding: KycFinding, providerReference: string): Promise<boolean> {
    const { rowCount } = await this.#pool.query({
      name: 'begin-kyc-review',
      text: `update kyc_cases set state = 'IN_REVIEW', finding = $3, provider_reference = $4 where id = $1 and state = $2`,
      values: [id, sourceOf('IN_REVIEW'), finding, providerReference],
    })
    return rowCount === 1
  }

  /** Decides a case of the user that is in review. False when it is not, or is the reviewer's own. */
  async decide(
    { id, userId }: Pick<KycCase, 'id' | 'userId'>,
    verdict: Verdict,
    who: AuditWho,
    nowMs: number,
  ): Promise<boolean> {
    const state = verdict.decision === 'VERIFY' ? 'VERIFIED' : 'REJECTED'
    const reason = verdict.decision === 'REJECT' ? verdict.reason : undefined
    const expireTime = state === 'VERIFIED' ? new Date(nowMs + verifiedForMs) : null
    return await transaction(this.#pool, async (client) => {
      const { rows } = await client.query<{ level: string }>({
        name: 'decide-kyc-case',
        text: `update kyc_cases set state = $4, reviewer = $5, review_time = $6, reject_reason = $7, expire_time = $8
          where id = $1 and user_id = $2 and state = $3 and $5 <> 'users/' || user_id returning level`,
        values: [id, userId, sourceOf(state), state, who.subject, new Date(nowMs), reason ?? null, expireTime],
      })
      const [row] = rows
      if (row === undefined) return false
      const details = { case: id, level: row.level, state, ...(reason !== undefined && { reason }) }
      await appendEvent(client, { event: 'KYC_DECIDED', who, timeMs: nowMs, resource: kycOf(userId), details })
      return true
    })
  }

  /** Notes of at most `countMax` cases that their time is over. Nothing waits for it: everybody looks at the time. */
  async expire(nowMs: number, countMax: number): Promise<number> {
    return await transaction(this.#pool, async (client) => {
      const { rows } = await client.query<{ id: string; user_id: string }>(
        `update kyc_cases set state = 'EXPIRED' where id in (select id from kyc_cases
          where state = $3 and expire_time <= $1 limit $2 for update skip locked) returning id, user_id`,
        [new Date(nowMs), countMax, sourceOf('EXPIRED')],
      )
      for (const { id, user_id } of rows) {
        const [who, details] = [whoInside('identity'), { case: id }]
        await appendEvent(client, { event: 'KYC_EXPIRED', who, timeMs: nowMs, resource: kycOf(user_id), details })
      }
      return rows.length
    })
  }

  /** What was handed in with the user's cases, sealed. */
  async contents(userId: string): Promise<{ caseId: string; kind: DocumentKind; sealed: Buffer }[]> {
    const { rows } = await this.#pool.query<{ caseId: string; kind: DocumentKind; sealed: Buffer }>(
      `select d.case_id as "caseId", d.kind, d.sealed from kyc_documents d join kyc_cases c on c.id = d.case_id
        where c.user_id = $1 order by c.submit_time desc, d.kind limit ${casesMax}`,
      [userId],
    )
    return rows
  }
}

/** The resource name of a user's case. */
export function kycOf(userId: string): string {
  return `${userName(userId)}/kyc`
}

async function insertCase(client: pg.ClientBase, added: NewCase, who: AuditWho): Promise<'submitted' | 'no_user'> {
  const { id, userId, requestId, requestHash, level, submitTimeMs, documents } = added
  // The key stays while this runs: what is sealed under one that is being dropped must not come after it.
  const { rowCount } = await client.query(`select from data_keys where user_id = $1 for share`, [userId])
  if (rowCount !== 1) return 'no_user'
  await client.query({
    name: 'add-kyc-case',
    text: `insert into kyc_cases (id, user_id, request_id, request_hash, level, state, submit_time, check_time)
      values ($1, $2, $3, $4, $5, 'SUBMITTED', $6, $6)`,
    values: [id, userId, requestId, requestHash, level, new Date(submitTimeMs)],
  })
  for (const { kind, digest, sizeBytes, sealed } of documents) {
    await client.query({
      name: 'add-kyc-document',
      text: `insert into kyc_documents (case_id, kind, digest, size_bytes, sealed) values ($1, $2, $3, $4, $5)`,
      values: [id, kind, digest, sizeBytes, sealed],
    })
  }
  const details = { case: id, level }
  await appendEvent(client, { event: 'KYC_SUBMITTED', who, timeMs: submitTimeMs, resource: kycOf(userId), details })
  return 'submitted'
}

function caseOf(row: Row): KycCase {
  return {
    id: row.id,
    userId: row.user_id,
    level: row.level,
    state: row.state,
    submitTimeMs: row.submit_time.getTime(),
    finding: row.finding ?? undefined,
    providerReference: row.provider_reference,
    reviewTimeMs: row.review_time?.getTime(),
    reviewer: row.reviewer ?? undefined,
    rejectReason: row.reject_reason ?? undefined,
    expireTimeMs: row.expire_time?.getTime(),
    documents: row.documents.map(({ kind, digest, size_bytes }) => {
      return { kind, digest: Buffer.from(digest, 'hex'), sizeBytes: size_bytes }
    }),
  }
}

/** What a document is sealed as. */
export function documentField(caseId: string, kind: DocumentKind): string {
  return `kyc/${caseId}/${kind}`
}
