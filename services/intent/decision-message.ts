// A decision as Rules says it, and as it is stored: the message of the contract.
import {
  FeePhase,
  Decision as DecisionMessage,
  type Fee as FeeMessage,
  RiskAction,
} from '../../gen/paymesh/rules/v1/decision.js'
import { type Decision, type Fee, type Review } from './decision.js'

/** A decision that does not say what it must. */
export class MalformedDecisionError extends Error {}

const accountPattern = /^accounts\/[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/

/** Parses a decision about a payment in the given asset. Throws MalformedDecisionError. */
export function decisionFromMessage(message: DecisionMessage, assetCode: string): Decision {
  const { ruleSetVersion, digest, refusal } = message
  if (refusal !== undefined) {
    const failure = { reason: refusal.reason, message: refusal.message }
    return { ruleSetVersion, digest, verdict: { kind: 'refused', failure } }
  }
  // Nothing here holds a limit yet: a payment that needs one must not pass without it.
  if (message.limitLegs.length > 0)
    throw new MalformedDecisionError('a decision has limits, which are not carried out yet')
  if (message.channel === '') throw new MalformedDecisionError('a decision has a channel or a refusal')
  const fees = message.fees.map((fee) => feeFromMessage(fee, assetCode))
  return {
    ruleSetVersion,
    digest,
    verdict: { kind: 'routed', channel: message.channel, fees, review: reviewOf(message) },
  }
}

export function decisionToMessage(decision: Decision, assetCode: string): DecisionMessage {
  const { verdict, ruleSetVersion, digest } = decision
  switch (verdict.kind) {
    case 'refused':
      return DecisionMessage.fromPartial({ ruleSetVersion, digest, refusal: verdict.failure })
    case 'routed':
      return DecisionMessage.fromPartial({
        ruleSetVersion,
        digest,
        channel: verdict.channel,
        fees: verdict.fees.map((fee) => ({
          feeId: fee.feeId,
          phase: FeePhase[fee.phase],
          amount: { assetCode, minorUnits: fee.amountMinor },
          revenueAccount: fee.revenueAccount,
        })),
        ...(verdict.review && {
          risk: { action: RiskAction.REVIEW, score: verdict.review.score, reasons: [...verdict.review.reasons] },
        }),
      })
  }
}

// A risk that lets the payment go on is not kept: the digest vouches for it.
function reviewOf({ risk }: DecisionMessage): Review | undefined {
  return risk?.action === RiskAction.REVIEW ? { score: risk.score, reasons: risk.reasons } : undefined
}

function feeFromMessage(message: FeeMessage, assetCode: string): Fee {
  const { feeId, amount, revenueAccount } = message
  if (amount?.minorUnits === undefined || amount.minorUnits <= 0n || amount.assetCode !== assetCode) {
    throw new MalformedDecisionError(`fee ${feeId} has no amount in ${assetCode}`)
  }
  if (!accountPattern.test(revenueAccount)) throw new MalformedDecisionError(`fee ${feeId} has no revenue account`)
  return { feeId, phase: phaseOf(message), amountMinor: amount.minorUnits, revenueAccount }
}

function phaseOf(message: FeeMessage): Fee['phase'] {
  switch (message.phase) {
    case FeePhase.PRE:
      return 'PRE'
    case FeePhase.POST:
      return 'POST'
    case FeePhase.UNSPECIFIED:
    case FeePhase.UNRECOGNIZED:
      throw new MalformedDecisionError(`fee ${message.feeId} has no phase`)
  }
}
