// An intent as the contract says it.
import { type Intent as IntentMessage, IntentState as StateMessage } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Timestamp } from '../../../gen/google/protobuf/timestamp.js'
import { type Decision, FeePhase } from '../../../gen/paymesh/rules/v1/decision.js'
import { totalsOf } from '../decision.js'
import { decisionToMessage } from '../decision-message.js'
import { type Intent, type Party } from '../intent.js'
import { type IntentView } from './access.js'

/** The intent as who asks may see it; `payee` leaves out what is the payer's alone. */
export function intentToMessage(intent: Intent, view: IntentView): IntentMessage {
  const { assetCode, status, changes } = intent
  const money = (minorUnits: bigint) => ({ assetCode, minorUnits })
  const totals = intent.decision.verdict.kind === 'routed' ? totalsOf(intent.amountMinor, intent.decision) : undefined
  const decision = decisionToMessage(intent.decision, assetCode)
  return {
    name: `intents/${intent.id}`,
    operationType: intent.operationType,
    payer: partyToMessage(intent.payer),
    payee: partyToMessage(intent.payee),
    amount: money(intent.amountMinor),
    metadata: { ...intent.metadata },
    state: StateMessage[status.state],
    stateChanges: changes.map(({ state, timeMs }) => ({ state: StateMessage[state], time: timestampOf(timeMs) })),
    decision: view === 'whole' ? decision : payeeDecision(decision),
    payerTotal: view === 'whole' && totals ? money(totals.payerMinor) : undefined,
    payeeTotal: totals && money(totals.payeeMinor),
    failure: status.state === 'REJECTED' ? { ...status.failure } : undefined,
    creator: intent.creator,
    createTime: timestampOf(changes[0]?.timeMs ?? 0),
    updateTime: timestampOf(changes.at(-1)?.timeMs ?? 0),
    etag: `"${intent.version}"`,
  }
}

/** What a payee may know of the decision: the fees that were deducted, not those that the payer bore. */
function payeeDecision(decision: Decision): Decision {
  return { ...decision, fees: decision.fees.filter((fee) => fee.phase === FeePhase.POST) }
}

/** A moment in milliseconds since 1970. */
export function timestampOf(timeMs: number): Timestamp {
  return { seconds: BigInt(Math.floor(timeMs / 1000)), nanos: (timeMs % 1000) * 1_000_000 }
}

function partyToMessage(party: Party): IntentMessage['payer'] {
  switch (party.kind) {
    case 'wallet':
      return { party: { $case: 'wallet', wallet: `wallets/${party.walletId}` } }
    case 'account':
      return { party: { $case: 'account', account: party.account } }
  }
}
