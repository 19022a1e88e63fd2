import { type WebhookEndpoint as EndpointMessage } from '../../../gen/paymesh/intent/v1/webhook.js'
import {
  type CreateWebhookEndpointRequest,
  type CreateWebhookEndpointResponse,
} from '../../../gen/paymesh/intent/v1/webhook_service.js'
import { type Call, callerName } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain, requestIdReused } from '../errors.js'
import { webhookHash } from '../intents/request-hash.js'
import { tooManyEndpoints } from '../webhooks/webhook-errors.js'
import { insertEndpoint } from '../webhooks/webhook-endpoint-store.js'
import { type WebhookEndpoint } from '../webhooks/webhook.js'
import { replayHeader } from './answer-payment.js'
import { type RpcDeps } from './deps.js'
import { checkRequestId } from './fields.js'
import { newSecret } from './new-secret.js'
import { checkEndpoint } from './webhook-fields.js'
import { endpointToMessage } from './webhook-message.js'

/**
 * Creates an endpoint for the caller's events and answers its secret, this once. Fails with INVALID_FIELD,
 * REQUEST_ID_REUSED, TOO_MANY_WEBHOOK_ENDPOINTS.
 */
export async function createWebhookEndpoint(
  deps: RpcDeps,
  call: Call,
  request: CreateWebhookEndpointRequest,
): Promise<CreateWebhookEndpointResponse> {
  const wanted = parse(deps, request)
  const owner = callerName(call.caller)
  const nowMs = deps.clock.nowMs()
  const id = deps.newId()
  const endpoint: WebhookEndpoint = { id, owner, ...wanted, revision: 1, createTimeMs: nowMs, overlapEndMs: undefined }
  const { requestId } = request
  const key = { creator: owner, requestId, requestHash: webhookHash('CreateWebhookEndpoint', wanted) }
  const secret = newSecret(deps, id)
  const inserted = await insertEndpoint(deps.pool, endpoint, key, secret.sealed)
  switch (inserted.kind) {
    case 'inserted':
      return { endpoint: endpointToMessage(endpoint, nowMs), secret: secret.text }
    case 'tooMany':
      throw tooManyEndpoints()
    case 'taken':
      if (!key.requestHash.equals(inserted.requestHash)) throw requestIdReused(requestId)
      call.sendHeader(replayHeader, 'true')
      return { endpoint: endpointToMessage(inserted.winner, nowMs), secret: '' }
  }
}

type Wanted = Pick<WebhookEndpoint, 'url' | 'displayName' | 'eventTypes' | 'disabled'>

function parse(deps: RpcDeps, { requestId, endpoint }: CreateWebhookEndpointRequest): Wanted {
  const check = new FieldCheck(errorDomain)
  checkRequestId(check, requestId)
  check.that(endpoint !== undefined, 'endpoint', 'is required')
  if (endpoint !== undefined) {
    checkEndpoint(check, deps.webhooks, endpoint, true)
    checkOutputOnly(check, endpoint)
  }
  check.done()
  const { url = '', displayName = '', eventTypes = [], disabled = false } = endpoint ?? {}
  return { url, displayName, eventTypes, disabled }
}

function checkOutputOnly(check: FieldCheck, endpoint: EndpointMessage): void {
  const absent = (isAbsent: boolean, field: string) => check.that(isAbsent, `endpoint.${field}`, 'must be absent')
  absent(endpoint.name === '', 'name')
  absent(endpoint.owner === '', 'owner')
  absent(endpoint.secretOverlapEndTime === undefined, 'secret_overlap_end_time')
  absent(endpoint.createTime === undefined, 'create_time')
  absent(endpoint.etag === '', 'etag')
}
