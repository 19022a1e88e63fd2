import {
  type RejectIntentRequest,
  type RejectIntentResponse,
} from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain } from '../errors.js'
import { rejected } from '../intents/intent.js'
import { type RpcDeps } from './deps.js'
import { checkReason } from './fields.js'
import { operatorAnswer } from './operator-answer.js'
import { assertInReview, reviewable, writeReview } from './review.js'

/**
 * Refuses an intent that is in review. In this order: INVALID_FIELD (the name), INTENT_NOT_FOUND, SELF_REVIEW,
 * INVALID_FIELD, INTENT_NOT_IN_REVIEW.
 */
export async function rejectIntent(
  deps: RpcDeps,
  call: Call,
  request: RejectIntentRequest,
): Promise<RejectIntentResponse> {
  const intent = await reviewable(deps, call, request.name)
  const check = new FieldCheck(errorDomain)
  checkReason(check, request.reason)
  check.done()
  assertInReview(intent)
  const after = rejected(intent, { reason: 'REVIEW_REJECTED', message: request.reason }, deps.clock.nowMs())
  await writeReview(deps, intent, after)
  return operatorAnswer({ kind: 'rests', intent: after })
}
