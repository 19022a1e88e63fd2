import {
  type ListStuckIntentsRequest,
  type ListStuckIntentsResponse,
} from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { pageSize } from '../../runtime/page-token.js'
import { stuckIntents } from '../intents/admin-store.js'
import { errorDomain } from '../errors.js'
import { type RpcDeps } from './deps.js'
import { intentToMessage, timestampOf } from './intent-message.js'

/** Lists what the resumer could not finish yet. Fails with INVALID_FIELD. */
export async function listStuckIntents(
  deps: RpcDeps,
  _call: Call,
  request: ListStuckIntentsRequest,
): Promise<ListStuckIntentsResponse> {
  const check = new FieldCheck(errorDomain)
  const countMax = pageSize(request.pageSize, check)
  check.done()
  const stuck = await stuckIntents(deps.pool, countMax)
  return {
    intents: stuck.map(({ intent, attempts, nextAttemptMs }) => ({
      intent: intentToMessage(intent, 'operator'),
      attemptCount: attempts,
      nextAttemptTime: timestampOf(nextAttemptMs),
    })),
  }
}
