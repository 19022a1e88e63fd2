import { type CreateIntentRequest, type CreateIntentResponse } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Call, callerName } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain } from '../errors.js'
import { type RequestKey } from '../intents/intent.js'
import { type Payment } from '../saga/payments.js'
import { orderHash } from '../intents/request-hash.js'
import { type PaymentFacts } from '../decisions/rules-client.js'
import { type Wallet } from '../wallets/wallet.js'
import { answerPayment } from './answer-payment.js'
import { type RpcDeps } from './deps.js'
import { checkRequestId } from './fields.js'
import { authorizePayer, checkOrder, orderFacts, type WalletOrder } from './payment-request.js'

/**
 * Makes a payment. In this order: NOT_OWNER, INVALID_FIELD, then for a request that was made before its answer or
 * REQUEST_ID_REUSED, then WALLET_NOT_FOUND, ASSET_MISMATCH, OVERLOADED, DEPENDENCY_UNAVAILABLE.
 */
export async function createIntent(
  deps: RpcDeps,
  call: Call,
  request: CreateIntentRequest,
): Promise<CreateIntentResponse> {
  const payer = await authorizePayer(call, deps.wallets, request.intent)
  const check = new FieldCheck(errorDomain)
  checkRequestId(check, request.requestId)
  const order = checkOrder(check, deps.channels, request.intent)
  check.done()
  const { requestId } = request
  const key = { creator: callerName(call.caller), requestId, requestHash: orderHash('CreateIntent', order) }
  const payment = await pay(deps, call, key, order, payer)
  return { intent: answerPayment(call, payment, requestId, 'intent.amount') }
}

async function pay(
  deps: RpcDeps,
  call: Call,
  key: RequestKey,
  order: WalletOrder,
  payer: Wallet | undefined,
): Promise<Payment> {
  const facts = await factsOrReplay(deps, call, key, order, payer)
  return 'kind' in facts ? facts : await deps.payments.make(call, key, facts)
}

/**
 * Idempotency comes before state. What the request id stands for is asked only where the answer would be an error, so
 * that the many good requests pay nothing for it.
 */
async function factsOrReplay(
  deps: RpcDeps,
  call: Call,
  key: RequestKey,
  order: WalletOrder,
  payer: Wallet | undefined,
): Promise<PaymentFacts | Payment> {
  try {
    return await orderFacts(call, deps.wallets, order, payer, deps.clock.nowMs())
  } catch (error) {
    const earlier = await deps.payments.replay(key)
    if (earlier === undefined) throw error
    return earlier
  }
}
