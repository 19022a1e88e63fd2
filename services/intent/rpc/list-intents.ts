import { type ListIntentsRequest, type ListIntentsResponse } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { Intent as IntentMessage, IntentState as StateMessage } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { fittingPage } from '../../runtime/page-fit.js'
import { decodePageToken, encodePageToken, pageSize } from '../../runtime/page-token.js'
import { errorDomain } from '../errors.js'
import { type IntentFilter, listIntents as listStoredIntents } from '../intent-list.js'
import { authorizeIntent, ownerScope } from './access.js'
import { type RpcDeps } from './deps.js'
import { intentIdOf, walletIdOf } from './fields.js'
import { intentToMessage } from './intent-message.js'
import { stateOf } from './intent-state.js'

/** Lists the caller's intents, newest first; everybody's for operators. Fails with INVALID_FIELD. */
export async function listIntents(
  deps: RpcDeps,
  call: Call,
  request: ListIntentsRequest,
): Promise<ListIntentsResponse> {
  const filters = JSON.stringify([ownerScope(call) ?? '', request.state, request.operationType, request.wallet])
  const filter = await ownedBy(deps, call, parse(request, filters))
  // One more than the page tells whether there is a next one.
  const found = await listStoredIntents(deps.pool, { ...filter, countMax: filter.countMax + 1 })
  // Metadata is the payer's to choose, and the payee lists it too.
  const page = fittingPage(
    await Promise.all(
      found.slice(0, filter.countMax).map(async (intent) => {
        return intentToMessage(intent, await authorizeIntent(call, deps.wallets, intent))
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

type Parsed = Omit<IntentFilter, 'owner' | 'arrivedOnly'>

function parse(request: ListIntentsRequest, filters: string): Parsed {
  const check = new FieldCheck(errorDomain)
  const countMax = pageSize(request.pageSize, check)
  const [last] = request.pageToken === '' ? [] : (decodePageToken(request.pageToken, filters) ?? [''])
  const beforeId = last === undefined ? undefined : intentIdOf(last)
  check.that(
    request.pageToken === '' || beforeId !== undefined,
    'page_token',
    'must be a next_page_token of the same list',
  )
  const walletId = request.wallet === '' ? undefined : walletIdOf(request.wallet)
  check.that(request.wallet === '' || walletId !== undefined, 'wallet', 'must be wallets/{uuid}')
  check.that(/^[A-Z0-9_]{0,64}$/.test(request.operationType), 'operation_type', 'must be at most 64 of A-Z 0-9 _')
  const state = stateOf(request.state)
  check.that(request.state === StateMessage.UNSPECIFIED || state !== undefined, 'state', 'must be a known state')
  check.done()
  return { state, operationType: request.operationType || undefined, walletId, beforeId, countMax }
}

/** Whoever owns the wallet that is asked for may see all of its intents, and finds them by it alone. */
async function ownedBy(deps: RpcDeps, call: Call, parsed: Parsed): Promise<IntentFilter> {
  const owner = ownerScope(call)
  const arrivedOnly = owner !== undefined
  if (owner === undefined || parsed.walletId === undefined) return { ...parsed, owner, arrivedOnly }
  const wallet = await deps.wallets.find(parsed.walletId)
  return { ...parsed, owner: wallet?.owner === owner ? undefined : owner, arrivedOnly }
}
