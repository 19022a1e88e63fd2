import { WebhookEndpoint as EndpointMessage } from '../../../gen/paymesh/intent/v1/webhook.js'
import {
  type ListWebhookEndpointsRequest,
  type ListWebhookEndpointsResponse,
} from '../../../gen/paymesh/intent/v1/webhook_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { fittingPage } from '../../runtime/page-fit.js'
import { decodePageToken, encodePageToken, pageSize } from '../../runtime/page-token.js'
import { errorDomain } from '../errors.js'
import { type EndpointPage, listEndpoints } from '../webhooks/webhook-endpoint-store.js'
import { ownerScope } from './access.js'
import { type RpcDeps } from './deps.js'
import { endpointIdOf } from './webhook-fields.js'
import { endpointToMessage } from './webhook-message.js'

/** Lists the caller's endpoints, oldest first; everybody's for operators. Fails with INVALID_FIELD. */
export async function listWebhookEndpoints(
  deps: RpcDeps,
  call: Call,
  request: ListWebhookEndpointsRequest,
): Promise<ListWebhookEndpointsResponse> {
  const page = parse(call, request)
  // One more than the page tells whether there is a next one.
  const found = await listEndpoints(deps.pool, { ...page, countMax: page.countMax + 1 })
  const nowMs = deps.clock.nowMs()
  const messages = found.slice(0, page.countMax).map((endpoint) => endpointToMessage(endpoint, nowMs))
  const shown = fittingPage(messages, EndpointMessage)
  const last = shown.at(-1)
  const more = found.length > shown.length && last !== undefined
  return { endpoints: shown, nextPageToken: more ? encodePageToken([last.name], page.owner ?? '') : '' }
}

function parse(call: Call, request: ListWebhookEndpointsRequest): EndpointPage {
  const owner = ownerScope(call)
  const check = new FieldCheck(errorDomain)
  const countMax = pageSize(request.pageSize, check)
  const [last] = request.pageToken === '' ? [] : (decodePageToken(request.pageToken, owner ?? '') ?? [''])
  const afterId = last === undefined ? undefined : endpointIdOf(last)
  const isToken = request.pageToken === '' || afterId !== undefined
  check.that(isToken, 'page_token', 'must be a next_page_token of the same list')
  check.done()
  return { owner, afterId, countMax }
}
