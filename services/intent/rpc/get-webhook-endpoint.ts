import {
  type GetWebhookEndpointRequest,
  type GetWebhookEndpointResponse,
} from '../../../gen/paymesh/intent/v1/webhook_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain } from '../errors.js'
import { type RpcDeps } from './deps.js'
import { findEndpoint } from './find-webhook-endpoint.js'
import { checkEndpointName } from './webhook-fields.js'
import { endpointToMessage } from './webhook-message.js'

/** Answers an endpoint of the caller. Fails with INVALID_FIELD, WEBHOOK_ENDPOINT_NOT_FOUND, NOT_OWNER. */
export async function getWebhookEndpoint(
  deps: RpcDeps,
  call: Call,
  { name }: GetWebhookEndpointRequest,
): Promise<GetWebhookEndpointResponse> {
  const check = new FieldCheck(errorDomain)
  const id = checkEndpointName(check, name, 'name')
  check.done()
  return { endpoint: endpointToMessage(await findEndpoint(deps, call, id), deps.clock.nowMs()) }
}
