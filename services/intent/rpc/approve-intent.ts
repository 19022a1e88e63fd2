import {
  type ApproveIntentRequest,
  type ApproveIntentResponse,
} from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import { type Call } from '../../runtime/call.js'
import { approved } from '../intents/intent.js'
import { type RpcDeps } from './deps.js'
import { readIntent } from './find-intent.js'
import { operatorAnswer } from './operator-answer.js'
import { assertInReview, reviewable, writeReview } from './review.js'

/**
 * Lets an intent that is in review go on. In this order: INVALID_FIELD, INTENT_NOT_FOUND, SELF_REVIEW,
 * INTENT_NOT_IN_REVIEW, DEPENDENCY_UNAVAILABLE.
 */
export async function approveIntent(
  deps: RpcDeps,
  call: Call,
  request: ApproveIntentRequest,
): Promise<ApproveIntentResponse> {
  const intent = await reviewable(deps, call, request.name)
  assertInReview(intent)
  await writeReview(deps, intent, approved(intent, deps.clock.nowMs()))
  // Read again: when its hold ends follows from when this was written.
  return operatorAnswer(await deps.advance(await readIntent(deps, request.name)))
}
