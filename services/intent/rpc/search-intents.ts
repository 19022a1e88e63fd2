import {
  type SearchIntentsRequest,
  type SearchIntentsResponse,
} from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import { Intent as IntentMessage } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Call } from '../../runtime/call.js'
import { fittingPage } from '../../runtime/page-fit.js'
import { encodePageToken } from '../../runtime/page-token.js'
import { listIntents } from '../intents/intent-list.js'
import { type RpcDeps } from './deps.js'
import { intentToMessage } from './intent-message.js'
import { parseFilter } from './list-filter.js'

/** Lists everybody's intents, newest first. Fails with INVALID_FIELD. */
export async function searchIntents(
  deps: RpcDeps,
  _call: Call,
  request: SearchIntentsRequest,
): Promise<SearchIntentsResponse> {
  const { state, operationType, wallet, creator, parent } = request
  const filters = JSON.stringify(['search', state, operationType, wallet, creator, parent])
  const filter = parseFilter(request, filters)
  // One more than the page tells whether there is a next one.
  const whole = { ...filter, owner: undefined, heldForPayee: undefined, countMax: filter.countMax + 1 }
  const found = await deps.reads((pool) => listIntents(pool, whole))
  const messages = found.slice(0, filter.countMax).map((intent) => intentToMessage(intent, 'operator'))
  const page = fittingPage(messages, IntentMessage)
  const last = page.at(-1)
  return {
    intents: page,
    nextPageToken: found.length > page.length && last ? encodePageToken([last.name], filters) : '',
  }
}
