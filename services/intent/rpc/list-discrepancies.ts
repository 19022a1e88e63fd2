import {
  type ListDiscrepanciesRequest,
  type ListDiscrepanciesResponse,
} from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import { Discrepancy as DiscrepancyMessage, DiscrepancyKind } from '../../../gen/paymesh/intent/v1/discrepancy.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { fittingPage } from '../../runtime/page-fit.js'
import { decodePageToken, encodePageToken, pageSize } from '../../runtime/page-token.js'
import { errorDomain } from '../errors.js'
import { type DiscrepancyQuery, listDiscrepancies as listStored } from '../providers/discrepancy-store.js'
import { type RpcDeps } from './deps.js'
import { discrepancyIdOf, discrepancyKindOf, discrepancyToMessage } from './discrepancy-message.js'

/** Lists discrepancies, newest first. Fails with INVALID_FIELD. */
export async function listDiscrepancies(
  deps: RpcDeps,
  _call: Call,
  request: ListDiscrepanciesRequest,
): Promise<ListDiscrepanciesResponse> {
  const filters = JSON.stringify(['discrepancies', request.kind, request.provider, request.showResolved])
  const query = parse(request, filters)
  // One more than the page tells whether there is a next one.
  const found = await listStored(deps.pool, { ...query, countMax: query.countMax + 1 })
  const page = fittingPage(found.slice(0, query.countMax).map(discrepancyToMessage), DiscrepancyMessage)
  const last = page.at(-1)
  const more = found.length > page.length && last !== undefined
  return { discrepancies: page, nextPageToken: more ? encodePageToken([last.name], filters) : '' }
}

function parse(request: ListDiscrepanciesRequest, filters: string): DiscrepancyQuery {
  const check = new FieldCheck(errorDomain)
  const countMax = pageSize(request.pageSize, check)
  const [last] = request.pageToken === '' ? [] : (decodePageToken(request.pageToken, filters) ?? [''])
  const beforeId = last === undefined ? undefined : discrepancyIdOf(last)
  const isToken = request.pageToken === '' || beforeId !== undefined
  check.that(isToken, 'page_token', 'must be a next_page_token of the same list')
  const kind = discrepancyKindOf(request.kind)
  check.that(request.kind === DiscrepancyKind.UNSPECIFIED || kind !== undefined, 'kind', 'must be a known kind')
  check.that(/^[a-z0-9]{0,32}$/.test(request.provider), 'provider', 'must be at most 32 of a-z 0-9')
  check.done()
  const isResolved = request.showResolved ? undefined : false
  return { isResolved, kind, provider: request.provider || undefined, beforeId, countMax }
}
