import { type CancelIntentRequest, type CancelIntentResponse } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Call, callerName } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain } from '../errors.js'
import { intentRequestHash } from '../intents/request-hash.js'
import { authorizeHold } from './access.js'
import { decideHold } from './decide-hold.js'
import { type RpcDeps } from './deps.js'
import { checkRequestId } from './fields.js'
import { readIntent } from './find-intent.js'
import { intentToMessage } from './intent-message.js'

/**
 * Releases what an intent holds. In this order: INVALID_FIELD (the name), INTENT_NOT_FOUND, NOT_OWNER, INVALID_FIELD,
 * then for a request that was made before its answer or REQUEST_ID_REUSED, then INTENT_NOT_HELD, DEPENDENCY_UNAVAILABLE.
 */
export async function cancelIntent(
  deps: RpcDeps,
  call: Call,
  request: CancelIntentRequest,
): Promise<CancelIntentResponse> {
  const intent = await readIntent(deps, request.name)
  const view = await authorizeHold(deps, call, intent)
  const check = new FieldCheck(errorDomain)
  checkRequestId(check, request.requestId)
  check.done()
  const { requestId } = request
  const requestHash = intentRequestHash('CancelIntent', intent.id, undefined, '')
  const key = { creator: callerName(call.caller), requestId, requestHash }
  const decided = await decideHold(deps, call, { intent, key, wish: { kind: 'CANCEL' }, problem: undefined })
  return { intent: intentToMessage(decided, view) }
}
