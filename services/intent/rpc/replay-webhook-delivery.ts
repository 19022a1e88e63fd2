import {
  type ReplayWebhookDeliveryRequest,
  type ReplayWebhookDeliveryResponse,
} from '../../../gen/paymesh/intent/v1/webhook_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain } from '../errors.js'
import { replayDelivery } from '../webhooks/webhook-delivery-store.js'
import { deliveryNotFound } from '../webhooks/webhook-errors.js'
import { type RpcDeps } from './deps.js'
import { findEndpoint } from './find-webhook-endpoint.js'
import { deliveryIdsOf } from './webhook-fields.js'
import { deliveryToMessage } from './webhook-message.js'

/**
 * Sends an event again, under the same id. Fails with INVALID_FIELD, WEBHOOK_ENDPOINT_NOT_FOUND, NOT_OWNER,
 * WEBHOOK_DELIVERY_NOT_FOUND.
 */
export async function replayWebhookDelivery(
  deps: RpcDeps,
  call: Call,
  { name }: ReplayWebhookDeliveryRequest,
): Promise<ReplayWebhookDeliveryResponse> {
  const check = new FieldCheck(errorDomain)
  const ids = deliveryIdsOf(name)
  check.that(ids !== undefined, 'name', 'must be webhookEndpoints/{uuid}/deliveries/{uuid}')
  check.done()
  const { endpointId, id } = ids ?? { endpointId: '', id: '' }
  await findEndpoint(deps, call, endpointId)
  const replayed = await replayDelivery(deps.pool, endpointId, id, deps.clock.nowMs())
  if (replayed === undefined) throw deliveryNotFound(name)
  return { delivery: deliveryToMessage(replayed) }
}
