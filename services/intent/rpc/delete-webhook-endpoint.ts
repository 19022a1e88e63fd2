import {
  type DeleteWebhookEndpointRequest,
  type DeleteWebhookEndpointResponse,
} from '../../../gen/paymesh/intent/v1/webhook_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain } from '../errors.js'
import { deleteEndpoint } from '../webhooks/webhook-endpoint-store.js'
import { type RpcDeps } from './deps.js'
import { findEndpoint } from './find-webhook-endpoint.js'
import { checkEndpointName } from './webhook-fields.js'

/** Deletes an endpoint. Fails with INVALID_FIELD, WEBHOOK_ENDPOINT_NOT_FOUND, NOT_OWNER. */
export async function deleteWebhookEndpoint(
  deps: RpcDeps,
  call: Call,
  { name }: DeleteWebhookEndpointRequest,
): Promise<DeleteWebhookEndpointResponse> {
  const check = new FieldCheck(errorDomain)
  const id = checkEndpointName(check, name, 'name')
  check.done()
  await findEndpoint(deps, call, id)
  await deleteEndpoint(deps.pool, id)
  return {}
}
