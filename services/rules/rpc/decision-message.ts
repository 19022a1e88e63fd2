import { AuthLevel } from '../../../gen/paymesh/access/v1/access.js'
import {
  Decision as DecisionMessage,
  FeePhase,
  type LimitLeg as LimitLegMessage,
  LimitMetric,
  LimitWindowKind,
  type Risk as RiskMessage,
  RiskAction,
} from '../../../gen/paymesh/rules/v1/decision.js'
import type { Decision } from '../decision.js'
import type { LimitLeg } from '../limits.js'
import type { Risk } from '../risk.js'
import type { RequiredLevel } from '../step-up.js'

/** A decision as the contract says it. */
export function decisionMessage({ ruleSetVersion, outcome, digest }: Decision, assetCode: string): DecisionMessage {
  switch (outcome.kind) {
    case 'refused': {
      const risk = outcome.risk && riskMessage(outcome.risk)
      return DecisionMessage.fromPartial({ ruleSetVersion, refusal: outcome.refusal, digest, ...(risk && { risk }) })
    }
    case 'allowed':
      return DecisionMessage.fromPartial({
        ruleSetVersion,
        channel: outcome.channel,
        fees: outcome.fees.map((fee) => ({
          feeId: fee.feeId,
          phase: FeePhase[fee.phase],
          amount: { assetCode, minorUnits: fee.amountMinor },
          revenueAccount: fee.revenueAccount,
        })),
        limitLegs: outcome.limitLegs.map(legMessage),
        risk: riskMessage(outcome.risk),
        requiredLevel: levelMessage(outcome.requiredLevel),
        digest,
      })
  }
}

function levelMessage(level: RequiredLevel | undefined): AuthLevel {
  return level === undefined ? AuthLevel.UNSPECIFIED : AuthLevel[level]
}

function riskMessage({ action, score, reasons }: Risk): RiskMessage {
  return { action: RiskAction[action], score, reasons: [...reasons] }
}

function legMessage(leg: LimitLeg): LimitLegMessage {
  const { kind, name, timeZone, startSeconds, endSeconds } = leg.window
  return {
    ...leg,
    metric: LimitMetric[leg.metric],
    window: {
      kind: LimitWindowKind[kind],
      name,
      timeZone,
      startTime: { seconds: BigInt(startSeconds), nanos: 0 },
      endTime: { seconds: BigInt(endSeconds), nanos: 0 },
    },
  }
}
