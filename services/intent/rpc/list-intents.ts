import { type ListIntentsRequest, type ListIntentsResponse } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { Intent as IntentMessage } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Call } from '../../runtime/call.js'
import { fittingPage } from '../../runtime/page-fit.js'
import { encodePageToken } from '../../runtime/page-token.js'
import { type IntentFilter, listIntents as listStoredIntents } from '../intents/intent-list.js'
import { authorizeIntent, ownerScope } from './access.js'
import { type RpcDeps } from './deps.js'
import { intentToMessage } from './intent-message.js'
import { type ListFilter, parseFilter } from './list-filter.js'

/** Lists the caller's intents, newest first; everybody's for operators. Fails with INVALID_FIELD. */
export async function listIntents(
  deps: RpcDeps,
  call: Call,
  request: ListIntentsRequest,
): Promise<ListIntentsResponse> {
  const filters = JSON.stringify([ownerScope(call) ?? '', request.state, request.operationType, request.wallet])
  const filter = await ownedBy(deps, call, parseFilter(request, filters))
  // One more than the page tells whether there is a next one.
  const found = await deps.reads((pool) => listStoredIntents(pool, { ...filter, countMax: filter.countMax + 1 }))
  // Metadata is the payer's to choose, and the payee lists it too.
  const page = fittingPage(
    await Promise.all(
      found.slice(0, filter.countMax).map(async (intent) => {
        return intentToMessage(intent, await authorizeIntent(deps, call, intent))
      }),
    ),
    IntentMessage,
  )
  const last = page.at(-1)
  return {
    intents: page,
    nextPageToken: found.length > page.length && last ? encodePageToken([last.name], filters) : '',
  }
}

/** Whoever owns the wallet that is asked for may see all of its intents, and finds them by it alone. */
async function ownedBy(deps: RpcDeps, call: Call, parsed: ListFilter): Promise<IntentFilter> {
  const owner = ownerScope(call)
  const heldForPayee = owner === undefined ? undefined : deps.channels.typesHeldForPayee
  if (owner === undefined || parsed.walletId === undefined) return { ...parsed, owner, heldForPayee }
  const wallet = await deps.wallets.find(parsed.walletId)
  return { ...parsed, owner: wallet?.owner === owner ? undefined : owner, heldForPayee }
}
