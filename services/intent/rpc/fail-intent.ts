import { type FailIntentRequest, type FailIntentResponse } from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain, intentFinal } from '../errors.js'
import { isFinal } from '../intents/intent.js'
import { type RpcDeps } from './deps.js'
import { checkReason } from './fields.js'
import { readIntent } from './find-intent.js'
import { operatorAnswer } from './operator-answer.js'

/**
 * Ends an intent that is not final. In this order: INVALID_FIELD (the name), INTENT_NOT_FOUND, INVALID_FIELD,
 * INTENT_FINAL, DEPENDENCY_UNAVAILABLE.
 */
export async function failIntent(deps: RpcDeps, _call: Call, request: FailIntentRequest): Promise<FailIntentResponse> {
  const intent = await readIntent(deps, request.name)
  const check = new FieldCheck(errorDomain)
  checkReason(check, request.reason)
  check.done()
  if (isFinal(intent)) throw intentFinal(request.name, intent.status.state)
  return operatorAnswer(await deps.fail(intent, { reason: 'FAILED_BY_OPERATOR', message: request.reason }))
}
