// How calls about webhooks fail, beside what all calls may fail with.
import { type RpcError } from '../../runtime/rpc-error.js'
import { failure } from '../errors.js'
import { endpointsMax } from './webhook.js'

export function endpointNotFound(endpoint: string): RpcError {
  return failure('WEBHOOK_ENDPOINT_NOT_FOUND', `There is no ${endpoint}.`, { endpoint })
}

export function deliveryNotFound(delivery: string): RpcError {
  return failure('WEBHOOK_DELIVERY_NOT_FOUND', `There is no ${delivery}.`, { delivery })
}

export function endpointChanged(endpoint: string): RpcError {
  return failure('WEBHOOK_ENDPOINT_CHANGED', `${endpoint} changed since it was read.`, { endpoint })
}

export function tooManyEndpoints(): RpcError {
  const message = `There may be ${endpointsMax} webhook endpoints; delete one that is not needed.`
  return failure('TOO_MANY_WEBHOOK_ENDPOINTS', message, { most: String(endpointsMax) })
}
