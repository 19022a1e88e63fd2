// How calls about providers fail.
import { type RpcError } from '../../runtime/rpc-error.js'
import { failure } from '../errors.js'

export function providerNotFound(provider: string): RpcError {
  return failure('PROVIDER_NOT_FOUND', 'There is no such provider.', { provider })
}

export function callbackNotSigned(): RpcError {
  return failure('CALLBACK_NOT_SIGNED', 'The callback is not signed by the provider, or too long ago.')
}

export function discrepancyNotFound(discrepancy: string): RpcError {
  return failure('DISCREPANCY_NOT_FOUND', `There is no ${discrepancy}.`, { discrepancy })
}

export function discrepancyResolved(discrepancy: string): RpcError {
  return failure('DISCREPANCY_RESOLVED', `${discrepancy} was resolved before.`, { discrepancy })
}
