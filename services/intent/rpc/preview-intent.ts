import {
  type LimitStanding,
  type PreviewIntentRequest,
  type PreviewIntentResponse,
} from '../../../gen/paymesh/intent/v1/intent_service.js'
import { LimitMetric } from '../../../gen/paymesh/rules/v1/decision.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { limitsOf, totalsOf } from '../decisions/decision.js'
import { decisionToMessage, levelToMessage } from '../decisions/decision-message.js'
import { amountTooLarge, dependencyUnavailable, errorDomain, refusedByRules } from '../errors.js'
import { isUnavailable } from '../ledger/ledger-client.js'
import { type LimitLeg, type LimitUsage } from '../limits/limit.js'
import { examine, missingLevel } from '../saga/payments.js'
import { availableOf } from './balances.js'
import { type RpcDeps } from './deps.js'
import { authorizePayer, checkOrder, orderFacts } from './payment-request.js'

/** Answers what CreateIntent would do. Fails as CreateIntent does, and with REFUSED_BY_RULES; writes nothing. */
export async function previewIntent(
  deps: RpcDeps,
  call: Call,
  request: PreviewIntentRequest,
): Promise<PreviewIntentResponse> {
  const payer = await authorizePayer(call, deps.wallets, request.intent)
  const check = new FieldCheck(errorDomain)
  const order = checkOrder(check, deps.channels, request.intent)
  check.done()
  const facts = await orderFacts(call, deps.wallets, order, payer, deps.clock.nowMs())
  const decided = await deps.rules.decide(call, facts)
  if (decided.kind === 'unavailable') throw dependencyUnavailable('rules', decided.cause)
  const examined = examine(deps, order, decided.decision)
  if (examined.kind === 'amountTooLarge') throw amountTooLarge('intent.amount')
  if (examined.refusal !== undefined) throw refusedByRules(examined.refusal)
  const limitLegs = limitsOf(decided.decision)
  const { payerMinor, payeeMinor } = totalsOf(order.amountMinor, decided.decision)
  const money = (minorUnits: bigint) => ({ assetCode: order.assetCode, minorUnits })
  const [covered, limits] = await Promise.all([
    whileAvailable(() => isCovered(deps, call, order.payer.walletId, payerMinor)),
    Promise.all(limitLegs.map((leg) => standingOf(deps, call, leg))),
  ])
  return {
    decision: decisionToMessage(decided.decision, order.assetCode),
    payerTotal: money(payerMinor),
    payeeTotal: money(payeeMinor),
    covered,
    limits,
    missingLevel: levelToMessage(missingLevel(facts, decided.decision)),
  }
}

async function isCovered(deps: RpcDeps, call: Call, walletId: string, payerMinor: bigint): Promise<boolean> {
  const balances = await availableOf(deps, call, [walletId])
  return (balances.get(walletId)?.availableMinor ?? 0n) >= payerMinor
}

async function standingOf(deps: RpcDeps, call: Call, leg: LimitLeg): Promise<LimitStanding> {
  const usage = await whileAvailable(() => deps.ledger.limitUsage(leg, { parent: call }))
  const { limitId, metric, assetCode, cap, uses, window } = leg
  return {
    limitId,
    metric: LimitMetric[metric],
    assetCode,
    cap,
    used: usage?.used,
    left: usage && leftOf(leg, usage),
    uses,
    windowStartTime: { seconds: window.startSeconds, nanos: 0 },
    windowEndTime: { seconds: window.endSeconds, nanos: 0 },
  }
}

/** A window that is not open yet, or has another cap still, is about to get this one. */
function leftOf({ cap }: LimitLeg, { cap: present, used, left }: LimitUsage): bigint {
  if (cap === present) return left
  return cap > used ? cap - used : 0n
}

/** Undefined when the Ledger cannot be asked: the rest of the preview holds without it. */
async function whileAvailable<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (isUnavailable(error)) return undefined
    throw error
  }
}
