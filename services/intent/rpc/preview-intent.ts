import { type PreviewIntentRequest, type PreviewIntentResponse } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { totalsOf } from '../decision.js'
import { decisionToMessage } from '../decision-message.js'
import { amountTooLarge, dependencyUnavailable, errorDomain, refusedByRules } from '../errors.js'
import { isUnavailable } from '../ledger-client.js'
import { examine } from '../payments.js'
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
  const order = checkOrder(check, request.intent)
  check.done()
  const facts = await orderFacts(call, deps.wallets, order, payer, deps.clock.nowMs())
  const decided = await deps.rules.decide(call, facts)
  if (decided.kind === 'unavailable') throw dependencyUnavailable('rules', decided.cause)
  const examined = examine(order, decided.decision)
  if (examined.kind === 'amountTooLarge') throw amountTooLarge('intent.amount')
  if (examined.refusal !== undefined) throw refusedByRules(examined.refusal)
  const { payerMinor, payeeMinor } = totalsOf(order.amountMinor, decided.decision)
  const money = (minorUnits: bigint) => ({ assetCode: order.assetCode, minorUnits })
  return {
    decision: decisionToMessage(decided.decision, order.assetCode),
    payerTotal: money(payerMinor),
    payeeTotal: money(payeeMinor),
    covered: await isCovered(deps, call, order.payer.walletId, payerMinor),
  }
}

/** Undefined when the Ledger cannot be asked: the rest of the preview holds without it. */
async function isCovered(
  deps: RpcDeps,
  call: Call,
  walletId: string,
  payerMinor: bigint,
): Promise<boolean | undefined> {
  try {
    const balances = await availableOf(deps, call, [walletId])
    return (balances.get(walletId)?.availableMinor ?? 0n) >= payerMinor
  } catch (error) {
    if (isUnavailable(error)) return undefined
    throw error
  }
}
