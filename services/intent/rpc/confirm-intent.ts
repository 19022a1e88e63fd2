import { type ConfirmIntentRequest, type ConfirmIntentResponse } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Call, callerName } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { totalsOf } from '../decisions/decision.js'
import { amountNotCapturable, errorDomain } from '../errors.js'
import { type Intent } from '../intents/intent.js'
import { type Amount, intentRequestHash } from '../intents/request-hash.js'
import { authorizeHold } from './access.js'
import { decideHold } from './decide-hold.js'
import { type RpcDeps } from './deps.js'
import { checkAmountOf, checkRequestId } from './fields.js'
import { readIntent } from './find-intent.js'
import { intentToMessage } from './intent-message.js'

/**
 * Settles what an intent holds, whole or in part. In this order: INVALID_FIELD (the name), INTENT_NOT_FOUND, NOT_OWNER,
 * INVALID_FIELD, then for a request that was made before its answer or REQUEST_ID_REUSED, then INTENT_NOT_HELD,
 * AMOUNT_NOT_CAPTURABLE, HOLD_EXPIRED, DEPENDENCY_UNAVAILABLE.
 */
export async function confirmIntent(
  deps: RpcDeps,
  call: Call,
  request: ConfirmIntentRequest,
): Promise<ConfirmIntentResponse> {
  const intent = await readIntent(deps, request.name)
  const view = await authorizeHold(deps, call, intent)
  const amount = parse(request, intent)
  const amountMinor = amount?.amountMinor ?? intent.amountMinor
  const requestHash = intentRequestHash('ConfirmIntent', intent.id, amount, '')
  const decided = await decideHold(deps, call, {
    intent,
    key: { creator: callerName(call.caller), requestId: request.requestId, requestHash },
    wish: { kind: 'CAPTURE', amountMinor },
    problem: amountProblem(intent, amountMinor),
  })
  return { intent: intentToMessage(decided, view) }
}

function parse(request: ConfirmIntentRequest, intent: Intent): Amount | undefined {
  const check = new FieldCheck(errorDomain)
  checkRequestId(check, request.requestId)
  const amount = request.amount && checkAmountOf(check, request.amount, intent.assetCode)
  check.done()
  return amount
}

function amountProblem(intent: Intent, amountMinor: bigint): Error | undefined {
  // The fees stay whole, so more than those that the payee bears.
  const minMinor = 1n - totalsOf(0n, intent.decision).payeeMinor
  const isCapturable = amountMinor >= minMinor && amountMinor <= intent.amountMinor
  return isCapturable ? undefined : amountNotCapturable(minMinor, intent.amountMinor)
}
