import { WebhookDeliveryState } from '../../../gen/paymesh/intent/v1/webhook.js'
import {
  type ListWebhookDeliveriesRequest,
  type ListWebhookDeliveriesResponse,
} from '../../../gen/paymesh/intent/v1/webhook_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { decodePageToken, encodePageToken, pageSize } from '../../runtime/page-token.js'
import { errorDomain } from '../errors.js'
import { type DeliveryPage, listDeliveries } from '../webhooks/webhook-delivery-store.js'
import { type DeliveryState } from '../webhooks/webhook.js'
import { type RpcDeps } from './deps.js'
import { findEndpoint } from './find-webhook-endpoint.js'
import { checkEndpointName, deliveryIdsOf } from './webhook-fields.js'
import { deliveryToMessage } from './webhook-message.js'

/** Lists deliveries to an endpoint, newest first. Fails with INVALID_FIELD, WEBHOOK_ENDPOINT_NOT_FOUND, NOT_OWNER. */
export async function listWebhookDeliveries(
  deps: RpcDeps,
  call: Call,
  request: ListWebhookDeliveriesRequest,
): Promise<ListWebhookDeliveriesResponse> {
  const { page, filters } = parse(request)
  await findEndpoint(deps, call, page.endpointId)
  // One more than the page tells whether there is a next one.
  const found = await deps.reads((pool) => listDeliveries(pool, { ...page, countMax: page.countMax + 1 }))
  const deliveries = found.slice(0, page.countMax).map(deliveryToMessage)
  const last = deliveries.at(-1)
  const more = found.length > deliveries.length && last !== undefined
  return { deliveries, nextPageToken: more ? encodePageToken([last.name], filters) : '' }
}

function parse(request: ListWebhookDeliveriesRequest): { page: DeliveryPage; filters: string } {
  const { parent, pageToken } = request
  const check = new FieldCheck(errorDomain)
  const endpointId = checkEndpointName(check, parent, 'parent')
  const countMax = pageSize(request.pageSize, check)
  const state = checkState(check, request.state)
  const filters = JSON.stringify(['deliveries', parent, state ?? ''])
  const [last] = pageToken === '' ? [] : (decodePageToken(pageToken, filters) ?? [''])
  const beforeId = last === undefined ? undefined : deliveryIdsOf(last)?.id
  const isToken = pageToken === '' || beforeId !== undefined
  check.that(isToken, 'page_token', 'must be a next_page_token of the same list')
  check.done()
  return { page: { endpointId, state, beforeId, countMax }, filters }
}

function checkState(check: FieldCheck, state: WebhookDeliveryState): DeliveryState | undefined {
  switch (state) {
    case WebhookDeliveryState.UNSPECIFIED:
      return undefined
    case WebhookDeliveryState.PENDING:
      return 'PENDING'
    case WebhookDeliveryState.DELIVERED:
      return 'DELIVERED'
    case WebhookDeliveryState.DEAD:
      return 'DEAD'
    default:
      check.that(false, 'state', 'must be a known state')
      return undefined
  }
}
