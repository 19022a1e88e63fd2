import { type GetIntentRequest, type GetIntentResponse } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Call } from '../../runtime/call.js'
import { type RpcDeps } from './deps.js'
import { findIntent } from './find-intent.js'
import { intentToMessage } from './intent-message.js'

/** Answers an intent of the caller. Fails with INVALID_FIELD, INTENT_NOT_FOUND, NOT_OWNER. */
export async function getIntent(deps: RpcDeps, call: Call, request: GetIntentRequest): Promise<GetIntentResponse> {
  const { intent, view } = await findIntent(deps, call, request.name)
  return { intent: intentToMessage(intent, view) }
}
