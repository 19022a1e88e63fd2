// An intent's row in PostgreSQL and back.
import { Decision as DecisionMessage } from '../../../gen/paymesh/rules/v1/decision.js'
import { decisionFromMessage } from '../decisions/decision-message.js'
import { externalPartyFrom } from './external-party.js'
import { limitAccountsFromJson, limitExcessFromJson } from '../limits/limit-json.js'
import {
  type Failure,
  type Intent,
  type IntentState,
  type LedgerParty,
  type Party,
  type Release,
  type StateChange,
  type Status,
  type Submission,
} from './intent.js'

/** A row as the driver answers it: int8 as bigint, timestamptz as Date. */
export interface IntentRow {
  id: string
  creator: string
  request_id: string
  request_hash: Buffer
  operation_type: string
  payer_wallet: string | null
  payer_account: string | null
  payee_wallet: string | null
  payee_account: string | null
  payee_external: unknown
  asset_code: string
  amount_minor: bigint
  metadata: Record<string, string>
  decision: Buffer
  attempt: number
  limit_accounts: unknown
  state: Exclude<IntentState, 'CREATED'>
  failure_reason: string | null
  failure_message: string | null
  failure_limit: unknown
  hold_seconds: number | null
  hold_expire_time: Date | null
  capture_minor: bigint | null
  release_kind: Release['kind'] | null
  release_reason: string | null
  release_message: string | null
  provider: string | null
  provider_ask_time: Date | null
  provider_reference: string | null
  parent: string | null
  refund_asked_minor: bigint
  refunded_minor: bigint
  create_time: Date
  validate_time: Date | null
  review_time: Date | null
  approve_time: Date | null
  authorize_time: Date | null
  settle_time: Date | null
  reject_time: Date | null
  fail_time: Date | null
  cancel_time: Date | null
  expire_time: Date | null
  version: number
}

export function intentFromRow(row: IntentRow): Intent {
  return {
    id: row.id,
    creator: row.creator,
    requestId: row.request_id,
    requestHash: row.request_hash,
    operationType: row.operation_type,
    payer: partyOf(row.payer_wallet, row.payer_account),
    payee: payeeOf(row),
    assetCode: row.asset_code,
    amountMinor: row.amount_minor,
    metadata: row.metadata,
    holdSeconds: row.hold_seconds ?? undefined,
    decision: decisionFromMessage(DecisionMessage.decode(row.decision), row.asset_code),
    attempt: row.attempt,
    limitAccounts: row.limit_accounts === null ? [] : limitAccountsFromJson(row.limit_accounts),
    status: statusOf(row),
    changes: changesOf(row),
    version: row.version,
    holdExpireMs: row.hold_expire_time?.getTime(),
    captureMinor: row.capture_minor ?? undefined,
    release: releaseOf(row),
    submission: submissionOf(row),
    parentId: row.parent ?? undefined,
    refundAskedMinor: row.refund_asked_minor,
    refundedMinor: row.refunded_minor,
  }
}

function payeeOf({ payee_wallet: wallet, payee_account: account, payee_external: external }: IntentRow): Party {
  return external === null ? partyOf(wallet, account) : { kind: 'external', external: externalPartyFrom(external) }
}

function submissionOf(row: IntentRow): Submission | undefined {
  if (row.provider === null) return undefined
  const { provider, provider_ask_time: askTime, provider_reference: reference } = row
  return { provider, askedMs: askTime?.getTime(), reference: reference ?? undefined }
}

function partyOf(walletId: string | null, account: string | null): LedgerParty {
  if (walletId !== null) return { kind: 'wallet', walletId }
  if (account !== null) return { kind: 'account', account }
  throw new Error('a party is a wallet or an account')
}

function statusOf({
  state,
  failure_reason: reason,
  failure_message: message,
  failure_limit: limit,
}: IntentRow): Status {
  if (state !== 'REJECTED' && state !== 'FAILED') return { state }
  const failure = failureFrom(reason, message)
  return { state, failure: limit === null ? failure : { ...failure, limit: limitExcessFromJson(limit) } }
}

function releaseOf({
  release_kind: kind,
  release_reason: reason,
  release_message: message,
}: IntentRow): Release | undefined {
  if (kind === null) return undefined
  return kind === 'FAIL' ? { kind, failure: failureFrom(reason, message) } : { kind }
}

function failureFrom(reason: string | null, message: string | null): Failure {
  return { reason: reason ?? '', message: message ?? '' }
}

// In the order of the legal moves, which is the order of time.
function changesOf(row: IntentRow): StateChange[] {
  const reached: [IntentState, Date | null][] = [
    ['CREATED', row.create_time],
    ['VALIDATED', row.validate_time],
    ['IN_REVIEW', row.review_time],
    ['VALIDATED', row.approve_time],
    ['AUTHORIZED', row.authorize_time],
    ['SETTLED', row.settle_time],
    ['REJECTED', row.reject_time],
    ['FAILED', row.fail_time],
    ['CANCELLED', row.cancel_time],
    ['EXPIRED', row.expire_time],
  ]
  return reached.flatMap(([state, time]) => (time === null ? [] : [{ state, timeMs: time.getTime() }]))
}
