// A decision as Rules says it, and as it is stored: the message of the contract.
import { AuthLevel } from '../../../gen/paymesh/access/v1/access.js'
import {
  FeePhase,
  Decision as DecisionMessage,
  type Fee as FeeMessage,
  LimitLeg as LimitLegMessage,
  LimitMetric,
  LimitWindowKind,
  type Refusal,
  RiskAction,
} from '../../../gen/paymesh/rules/v1/decision.js'
import { type Decision, type Fee, type RequiredLevel, type Review } from './decision.js'
import { type Failure } from '../intents/intent.js'
import { type LimitLeg, type LimitWindow } from '../limits/limit.js'

/** A decision that does not say what it must. */
export class MalformedDecisionError extends Error {}

const accountPattern = /^accounts\/[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/

/** Parses a decision about a payment in the given asset. Throws MalformedDecisionError. */
export function decisionFromMessage(message: DecisionMessage, assetCode: string): Decision {
  const { ruleSetVersion, digest, refusal } = message
  if (refusal !== undefined) {
    return { ruleSetVersion, digest, verdict: { kind: 'refused', failure: failureFrom(refusal, assetCode) } }
  }
  if (message.channel === '') throw new MalformedDecisionError('a decision has a channel or a refusal')
  const fees = message.fees.map((fee) => feeFromMessage(fee, assetCode))
  const limits = message.limitLegs.map(limitFromMessage)
  return {
    ruleSetVersion,
    digest,
    verdict: {
      kind: 'routed',
      channel: message.channel,
      fees,
      limits,
      review: reviewOf(message),
      requiredLevel: levelFrom(message),
    },
  }
}

export function decisionToMessage(decision: Decision, assetCode: string): DecisionMessage {
  const { verdict, ruleSetVersion, digest } = decision
  switch (verdict.kind) {
    case 'refused':
      return DecisionMessage.fromPartial({ ruleSetVersion, digest, refusal: refusalOf(verdict.failure) })
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
        limitLegs: verdict.limits.map(limitToMessage),
        requiredLevel: levelToMessage(verdict.requiredLevel),
        ...(verdict.review && {
          risk: { action: RiskAction.REVIEW, score: verdict.review.score, reasons: [...verdict.review.reasons] },
        }),
      })
  }
}

/** A level that this release does not know is taken for the strictest: to ask for less than was meant would be worse. */
function levelFrom({ requiredLevel }: DecisionMessage): RequiredLevel | undefined {
  switch (requiredLevel) {
    case AuthLevel.UNSPECIFIED:
    case AuthLevel.PASSWORD:
      return undefined
    case AuthLevel.DEVICE:
      return 'device'
    case AuthLevel.PIN:
    case AuthLevel.UNRECOGNIZED:
    default:
      return 'pin'
  }
}

/** The level as contracts say it. */
export function levelToMessage(level: RequiredLevel | undefined): AuthLevel {
  switch (level) {
    case undefined:
      return AuthLevel.UNSPECIFIED
    case 'device':
      return AuthLevel.DEVICE
    case 'pin':
      return AuthLevel.PIN
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

// Rules refuses for one limit only: a cap on the amount of one payment.
function failureFrom({ reason, message, limit }: Refusal, assetCode: string): Failure {
  if (limit === undefined) return { reason, message }
  const { limitId, cap, used } = limit
  return { reason, message, limit: { limitId, metric: 'AMOUNT', assetCode, cap, used, windowEndSeconds: undefined } }
}

function refusalOf({ reason, message, limit }: Failure) {
  return { reason, message, limit: limit && { limitId: limit.limitId, cap: limit.cap, used: limit.used } }
}

function limitFromMessage(message: LimitLegMessage): LimitLeg {
  const { limitId, limit, assetCode, scopeKey, cap, uses, ruleSetVersion } = message
  if (limit === '' || scopeKey === '') throw new MalformedDecisionError(`limit ${limitId} names no window`)
  if (cap < 0n || uses <= 0n) throw new MalformedDecisionError(`limit ${limitId} counts what cannot be counted`)
  const metric = metricOf(message)
  return { limitId, limit, metric, assetCode, scopeKey, window: windowFrom(message), cap, uses, ruleSetVersion }
}

function metricOf({ limitId, metric }: LimitLegMessage): LimitLeg['metric'] {
  switch (metric) {
    case LimitMetric.AMOUNT:
      return 'AMOUNT'
    case LimitMetric.COUNT:
      return 'COUNT'
    case LimitMetric.UNSPECIFIED:
    case LimitMetric.UNRECOGNIZED:
      throw new MalformedDecisionError(`limit ${limitId} has no metric`)
  }
}

function windowFrom({ limitId, window }: LimitLegMessage): LimitWindow {
  const { name = '', startTime, endTime, timeZone = '' } = window ?? {}
  if (name === '' || startTime === undefined || endTime === undefined) {
    throw new MalformedDecisionError(`limit ${limitId} has no window`)
  }
  return {
    kind: windowKindOf(limitId, window?.kind),
    name,
    startSeconds: startTime.seconds,
    endSeconds: endTime.seconds,
    timeZone,
  }
}

function windowKindOf(limitId: string, kind: LimitWindowKind | undefined): LimitWindow['kind'] {
  switch (kind) {
    case LimitWindowKind.DAILY:
      return 'DAILY'
    case LimitWindowKind.WEEKLY:
      return 'WEEKLY'
    case LimitWindowKind.MONTHLY:
      return 'MONTHLY'
    default:
      throw new MalformedDecisionError(`limit ${limitId} has a window of no known kind`)
  }
}

function limitToMessage({ metric, window, ...leg }: LimitLeg): LimitLegMessage {
  const { kind, name, startSeconds, endSeconds, timeZone } = window
  return LimitLegMessage.fromPartial({
    ...leg,
    metric: LimitMetric[metric],
    window: {
      kind: LimitWindowKind[kind],
      name,
      startTime: { seconds: startSeconds, nanos: 0 },
      endTime: { seconds: endSeconds, nanos: 0 },
      timeZone,
    },
  })
}
