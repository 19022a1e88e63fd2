import { type RefundIntentRequest, type RefundIntentResponse } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Call, callerName } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain, intentNotRefundable, refundExceedsSettled } from '../errors.js'
import { type Intent, type Party, type RequestKey, settledMinor } from '../intents/intent.js'
import { type Payment } from '../saga/payments.js'
import { type Amount, intentRequestHash } from '../intents/request-hash.js'
import { type PaymentFacts } from '../decisions/rules-client.js'
import { authorizeRefund, callerLevel, callerTags } from './access.js'
import { answerPayment } from './answer-payment.js'
import { type RpcDeps } from './deps.js'
import { checkAmountOf, checkRequestId, checkText } from './fields.js'
import { readIntent } from './find-intent.js'

const reasonLengthMax = 140

/**
 * Gives back a settled payment, whole or in part. In this order: INVALID_FIELD (the name), INTENT_NOT_FOUND, NOT_OWNER,
 * INVALID_FIELD, then for a request that was made before its answer or REQUEST_ID_REUSED, then INTENT_NOT_REFUNDABLE,
 * REFUND_EXCEEDS_SETTLED, OVERLOADED, DEPENDENCY_UNAVAILABLE.
 */
export async function refundIntent(
  deps: RpcDeps,
  call: Call,
  request: RefundIntentRequest,
): Promise<RefundIntentResponse> {
  const parent = await readIntent(deps, request.name)
  await authorizeRefund(call, deps.wallets, parent)
  const amount = parse(request, parent)
  const { requestId, reason } = request
  const requestHash = intentRequestHash('RefundIntent', parent.id, amount, reason)
  const key = { creator: callerName(call.caller), requestId, requestHash }
  const payment = await refund(deps, call, key, { parent, amount, reason })
  if (payment.kind === 'noRoom')
    throw refundExceedsSettled(request.name, leftMinor(await readIntent(deps, request.name)))
  return { intent: answerPayment(call, payment, requestId, 'amount') }
}

function parse(request: RefundIntentRequest, parent: Intent): Amount | undefined {
  const check = new FieldCheck(errorDomain)
  checkRequestId(check, request.requestId)
  const amount = request.amount && checkAmountOf(check, request.amount, parent.assetCode)
  checkText(check, request.reason, reasonLengthMax, 'reason')
  check.done()
  return amount
}

interface Refund {
  readonly parent: Intent
  /** Undefined: all that is left. */
  readonly amount: Amount | undefined
  readonly reason: string
}

async function refund(deps: RpcDeps, call: Call, key: RequestKey, asked: Refund): Promise<Payment> {
  const { parent, amount } = asked
  // What is left is read here for the size of a full refund alone; that there is room is decided by the write.
  const amountMinor = amount?.amountMinor ?? leftMinor(parent)
  const isRefundable =
    parent.status.state === 'SETTLED' && deps.channels.termsOf(parent.operationType)?.refundable === true
  if (isRefundable && amountMinor > 0n) {
    const facts = await refundFacts(deps, call, asked, amountMinor)
    return await deps.payments.refund(call, key, facts, parent.id)
  }
  // Idempotency comes before state.
  const earlier = await deps.payments.replay(key)
  if (earlier !== undefined) return earlier
  if (!isRefundable) throw intentNotRefundable(`intents/${parent.id}`, parent.status.state)
  return { kind: 'noRoom' }
}

/** From who was paid back to who paid. */
async function refundFacts(
  deps: RpcDeps,
  call: Call,
  { parent, reason }: Refund,
  amountMinor: bigint,
): Promise<PaymentFacts> {
  const [payer, payee] = [parent.payee, parent.payer]
  // No channel that pays to the outside says that its payments are refundable.
  if (payer.kind === 'external') throw new Error(`intent ${parent.id} was paid to the outside`)
  const ownerOf = async (party: Party) =>
    party.kind === 'wallet' ? ((await deps.wallets.find(party.walletId))?.owner ?? '') : ''
  return {
    order: {
      operationType: 'REFUND',
      payer,
      payee,
      assetCode: parent.assetCode,
      amountMinor,
      metadata: reason === '' ? {} : { reason },
      holdSeconds: undefined,
    },
    payerOwner: await ownerOf(payer),
    payeeOwner: await ownerOf(payee),
    payerTags: callerTags(call),
    level: callerLevel(call),
    timeMs: deps.clock.nowMs(),
  }
}

/** What is left to refund; zero of what did not settle. */
function leftMinor(parent: Intent): bigint {
  return (settledMinor(parent) ?? 0n) - parent.refundAskedMinor
}
