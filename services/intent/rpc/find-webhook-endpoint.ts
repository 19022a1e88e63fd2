import { type Call } from '../../runtime/call.js'
import { notOwner } from '../errors.js'
import { endpointNotFound } from '../webhooks/webhook-errors.js'
import { endpointById } from '../webhooks/webhook-endpoint-store.js'
import { type WebhookEndpoint } from '../webhooks/webhook.js'
import { ownerScope } from './access.js'
import { type RpcDeps } from './deps.js'

/** The endpoint of that id, if the caller may see it. Throws WEBHOOK_ENDPOINT_NOT_FOUND, NOT_OWNER. */
export async function findEndpoint(deps: RpcDeps, call: Call, id: string): Promise<WebhookEndpoint> {
  const endpoint = await endpointById(deps.pool, id)
  if (endpoint === undefined) throw endpointNotFound(`webhookEndpoints/${id}`)
  const owner = ownerScope(call)
  if (owner !== undefined && owner !== endpoint.owner) throw notOwner(`webhookEndpoints/${id}`)
  return endpoint
}
