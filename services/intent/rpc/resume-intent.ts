import {
  type ResumeIntentRequest,
  type ResumeIntentResponse,
} from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import { type Call } from '../../runtime/call.js'
import { type RpcDeps } from './deps.js'
import { readIntent } from './find-intent.js'
import { operatorAnswer } from './operator-answer.js'

/** Tries at once to finish an intent. Fails with INVALID_FIELD, INTENT_NOT_FOUND, DEPENDENCY_UNAVAILABLE. */
export async function resumeIntent(
  deps: RpcDeps,
  _call: Call,
  request: ResumeIntentRequest,
): Promise<ResumeIntentResponse> {
  return operatorAnswer(await deps.advance(await readIntent(deps, request.name), 'POLL'))
}
