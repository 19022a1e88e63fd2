// An intent's row in PostgreSQL and back.
import { Decision as DecisionMessage } from '../../gen/paymesh/rules/v1/decision.js'
import { decisionFromMessage } from './decision-message.js'
import { type Intent, type IntentState, type Party, type StateChange, type Status } from './intent.js'

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
  asset_code: string
  amount_minor: bigint
  metadata: Record<string, string>
  decision: Buffer
  attempt: number
  state: 'VALIDATED' | 'SETTLED' | 'REJECTED'
  failure_reason: string | null
  failure_message: string | null
  create_time: Date
  validate_time: Date | null
  authorize_time: Date | null
  settle_time: Date | null
  reject_time: Date | null
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
    payee: partyOf(row.payee_wallet, row.payee_account),
    assetCode: row.asset_code,
    amountMinor: row.amount_minor,
    metadata: row.metadata,
    decision: decisionFromMessage(DecisionMessage.decode(row.decision), row.asset_code),
    attempt: row.attempt,
    status: statusOf(row),
    changes: changesOf(row),
    version: row.version,
  }
}

function partyOf(walletId: string | null, account: string | null): Party {
  if (walletId !== null) return { kind: 'wallet', walletId }
  if (account !== null) return { kind: 'account', account }
  throw new Error('a party is a wallet or an account')
}

function statusOf(row: IntentRow): Status {
  if (row.state !== 'REJECTED') return { state: row.state }
  return { state: 'REJECTED', failure: { reason: row.failure_reason ?? '', message: row.failure_message ?? '' } }
}

// In the order of the legal moves, which is the order of time.
function changesOf(row: IntentRow): StateChange[] {
  const reached: [IntentState, Date | null][] = [
    ['CREATED', row.create_time],
    ['VALIDATED', row.validate_time],
    ['AUTHORIZED', row.authorize_time],
    ['SETTLED', row.settle_time],
    ['REJECTED', row.reject_time],
  ]
  return reached.flatMap(([state, time]) => (time === null ? [] : [{ state, timeMs: time.getTime() }]))
}
