// Webhook endpoints and deliveries as the contract says them.
import {
  type WebhookDelivery as DeliveryMessage,
  WebhookDeliveryState,
  type WebhookEndpoint as EndpointMessage,
  WebhookFailure,
} from '../../../gen/paymesh/intent/v1/webhook.js'
import { type WebhookDelivery, type WebhookEndpoint } from '../webhooks/webhook.js'
import { timestampOf } from './intent-message.js'

export function endpointToMessage(endpoint: WebhookEndpoint, nowMs: number): EndpointMessage {
  const { overlapEndMs } = endpoint
  return {
    name: `webhookEndpoints/${endpoint.id}`,
    owner: endpoint.owner,
    url: endpoint.url,
    displayName: endpoint.displayName,
    eventTypes: [...endpoint.eventTypes],
    disabled: endpoint.disabled,
    secretOverlapEndTime: overlapEndMs === undefined || overlapEndMs <= nowMs ? undefined : timestampOf(overlapEndMs),
    createTime: timestampOf(endpoint.createTimeMs),
    etag: `"${endpoint.revision}"`,
  }
}

export function deliveryToMessage(delivery: WebhookDelivery): DeliveryMessage {
  const { state, lastFailure, completeTimeMs } = delivery
  return {
    name: `webhookEndpoints/${delivery.endpointId}/deliveries/${delivery.id}`,
    eventId: delivery.eventId,
    eventType: delivery.eventType,
    subject: `intents/${delivery.intentId}`,
    state: WebhookDeliveryState[state],
    attemptCount: delivery.attempts,
    nextAttemptTime: state === 'PENDING' ? timestampOf(delivery.dueTimeMs) : undefined,
    lastStatusCode: delivery.lastStatus ?? 0,
    lastFailure: WebhookFailure[lastFailure ?? 'UNSPECIFIED'],
    createTime: timestampOf(delivery.createTimeMs),
    completeTime: completeTimeMs === undefined ? undefined : timestampOf(completeTimeMs),
  }
}
