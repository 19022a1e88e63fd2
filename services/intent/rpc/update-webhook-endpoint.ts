import { WebhookEndpoint as EndpointMessage } from '../../../gen/paymesh/intent/v1/webhook.js'
import {
  type UpdateWebhookEndpointRequest,
  type UpdateWebhookEndpointResponse,
} from '../../../gen/paymesh/intent/v1/webhook_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { maskedFields } from '../../runtime/field-mask.js'
import { errorDomain } from '../errors.js'
import { endpointChanged } from '../webhooks/webhook-errors.js'
import { changeEndpoint, type EndpointChange } from '../webhooks/webhook-endpoint-store.js'
import { type RpcDeps } from './deps.js'
import { findEndpoint } from './find-webhook-endpoint.js'
import { checkEndpoint, checkEndpointName } from './webhook-fields.js'
import { endpointToMessage } from './webhook-message.js'

const maskable = { changeable: ['url', 'display_name', 'event_types', 'disabled'], named: ['name', 'etag'] }
const etagPattern = /^"([1-9]\d{0,8})"$/

interface Parsed {
  readonly id: string
  readonly change: EndpointChange
  readonly changes: boolean
  /** The revision that the etag names; undefined without one, 0 for one that this service never gave. */
  readonly revision: number | undefined
}

/**
 * Changes an endpoint. Fails with INVALID_FIELD, WEBHOOK_ENDPOINT_NOT_FOUND, NOT_OWNER, WEBHOOK_ENDPOINT_CHANGED.
 */
export async function updateWebhookEndpoint(
  deps: RpcDeps,
  call: Call,
  request: UpdateWebhookEndpointRequest,
): Promise<UpdateWebhookEndpointResponse> {
  const { id, change, changes, revision } = parse(deps, request)
  const found = await findEndpoint(deps, call, id)
  const isCurrent = changes
    ? await changeEndpoint(deps.pool, id, change, revision)
    : revision === undefined || revision === found.revision
  if (!isCurrent) throw endpointChanged(`webhookEndpoints/${id}`)
  return { endpoint: endpointToMessage(await findEndpoint(deps, call, id), deps.clock.nowMs()) }
}

function parse(deps: RpcDeps, request: UpdateWebhookEndpointRequest): Parsed {
  const endpoint = request.endpoint ?? EndpointMessage.fromPartial({})
  const check = new FieldCheck(errorDomain)
  const id = checkEndpointName(check, endpoint.name, 'endpoint.name')
  const masked = fieldsOf(check, request.updateMask, endpoint)
  checkEndpoint(check, deps.webhooks, endpoint, masked.has('url'))
  check.done()
  return {
    id,
    change: {
      url: masked.has('url') ? endpoint.url : undefined,
      displayName: masked.has('display_name') ? endpoint.displayName : undefined,
      eventTypes: masked.has('event_types') ? endpoint.eventTypes : undefined,
      disabled: masked.has('disabled') ? endpoint.disabled : undefined,
    },
    changes: masked.size > 0,
    revision: endpoint.etag === '' ? undefined : Number(etagPattern.exec(endpoint.etag)?.[1] ?? 0),
  }
}

/** AIP-134: without a mask, what has a value; the edge makes none of its own. */
function fieldsOf(check: FieldCheck, mask: string[] | undefined, endpoint: EndpointMessage): ReadonlySet<string> {
  if (mask !== undefined && mask.length > 0) return maskedFields(check, mask, maskable)
  const given = {
    url: endpoint.url !== '',
    display_name: endpoint.displayName !== '',
    event_types: endpoint.eventTypes.length > 0,
    disabled: endpoint.disabled,
  }
  return new Set(Object.entries(given).flatMap(([field, isGiven]) => (isGiven ? [field] : [])))
}
