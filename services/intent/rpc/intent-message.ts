// An intent as the contract says it.
import {
  CaptureMode,
  type ExternalParty as ExternalPartyMessage,
  type Failure as FailureMessage,
  type Intent as IntentMessage,
  IntentState as StateMessage,
  type Party as PartyMessage,
  RefundState,
} from '../../../gen/paymesh/intent/v1/intent.js'
import { type Timestamp } from '../../../gen/google/protobuf/timestamp.js'
import { type Decision, FeePhase, LimitMetric } from '../../../gen/paymesh/rules/v1/decision.js'
import { totalsOf } from '../decisions/decision.js'
import { decisionToMessage } from '../decisions/decision-message.js'
import { type ExternalParty } from '../intents/external-party.js'
import { type Failure, failureOf, type Intent, type Party, settledMinor } from '../intents/intent.js'
import { type IntentView } from './access.js'

/** The intent as who asks may see it; `payee` leaves out what is the payer's alone, both sides why it is reviewed. */
export function intentToMessage(intent: Intent, view: IntentView): IntentMessage {
  const { assetCode, status, changes } = intent
  const money = (minorUnits: bigint) => ({ assetCode, minorUnits })
  const settled = settledMinor(intent)
  const isRouted = intent.decision.verdict.kind === 'routed'
  const totals = isRouted ? totalsOf(settled ?? intent.amountMinor, intent.decision) : undefined
  const decision = decisionFor(view, decisionToMessage(intent.decision, assetCode))
  return {
    name: `intents/${intent.id}`,
    operationType: intent.operationType,
    payer: partyToMessage(intent.payer),
    payee: partyToMessage(intent.payee),
    amount: money(intent.amountMinor),
    metadata: { ...intent.metadata },
    state: StateMessage[status.state],
    stateChanges: changes.map(({ state, timeMs }) => ({ state: StateMessage[state], time: timestampOf(timeMs) })),
    decision,
    payerTotal: view !== 'payee' && totals ? money(totals.payerMinor) : undefined,
    payeeTotal: totals && money(totals.payeeMinor),
    failure: failureToMessage(failureOf(intent)),
    creator: intent.creator,
    createTime: timestampOf(changes[0]?.timeMs ?? 0),
    updateTime: timestampOf(changes.at(-1)?.timeMs ?? 0),
    etag: `"${intent.version}.${intent.refundedMinor}"`,
    settledAmount: settled === undefined ? undefined : money(settled),
    refundedAmount: intent.refundedMinor === 0n ? undefined : money(intent.refundedMinor),
    refundState: refundStateOf(intent.refundedMinor, settled),
    parent: intent.parentId === undefined ? '' : `intents/${intent.parentId}`,
    providerReference: intent.submission?.reference ?? '',
    ...holdToMessage(intent),
  }
}

function failureToMessage(failure: Failure | undefined): FailureMessage | undefined {
  if (failure === undefined) return undefined
  const { reason, message, limit } = failure
  if (limit === undefined) return { reason, message, limit }
  const { metric, windowEndSeconds, ...counted } = limit
  const windowEndTime = windowEndSeconds === undefined ? undefined : { seconds: windowEndSeconds, nanos: 0 }
  return { reason, message, limit: { ...counted, metric: LimitMetric[metric], windowEndTime } }
}

// What a provider has is held too, and nobody is asked to confirm it.
function holdToMessage({ holdSeconds, holdExpireMs, submission }: Intent) {
  const isManual = holdSeconds !== undefined && submission === undefined
  return {
    captureMode: isManual ? CaptureMode.MANUAL : CaptureMode.IMMEDIATE,
    holdDuration: isManual ? { seconds: BigInt(holdSeconds), nanos: 0 } : undefined,
    holdExpireTime: holdExpireMs === undefined ? undefined : timestampOf(holdExpireMs),
  }
}

function refundStateOf(refundedMinor: bigint, settled: bigint | undefined): RefundState {
  if (refundedMinor === 0n) return RefundState.UNSPECIFIED
  return refundedMinor === settled ? RefundState.REFUNDED : RefundState.PARTIALLY_REFUNDED
}

const payersOwn = { risk: undefined, limitLegs: [] }

/** Of the fees a payee knows those that were deducted, not those that the payer bore; nothing of the payer's limits. */
function decisionFor(view: IntentView, decision: Decision): Decision {
  switch (view) {
    case 'operator':
      return decision
    case 'whole':
      return { ...decision, risk: undefined }
    case 'payee':
      return { ...decision, ...payersOwn, fees: decision.fees.filter((fee) => fee.phase === FeePhase.POST) }
  }
}

/** A moment in milliseconds since 1970. */
export function timestampOf(timeMs: number): Timestamp {
  return { seconds: BigInt(Math.floor(timeMs / 1000)), nanos: (timeMs % 1000) * 1_000_000 }
}

export function partyToMessage(party: Party): PartyMessage {
  switch (party.kind) {
    case 'wallet':
      return { party: { $case: 'wallet', wallet: `wallets/${party.walletId}` } }
    case 'account':
      return { party: { $case: 'account', account: party.account } }
    case 'external':
      return { party: { $case: 'external', external: externalToMessage(party.external) } }
  }
}

function externalToMessage(party: ExternalParty): ExternalPartyMessage {
  switch (party.kind) {
    case 'BANK_ACCOUNT': {
      const { bankCode, accountNumber } = party
      return { party: { $case: 'bankAccount', bankAccount: { bankCode, accountNumber } } }
    }
    case 'MERCHANT':
      return { party: { $case: 'qrPayload', qrPayload: party.qrPayload } }
    case 'ACCOUNT':
      return { party: { $case: 'accountNumber', accountNumber: party.accountNumber } }
  }
}
