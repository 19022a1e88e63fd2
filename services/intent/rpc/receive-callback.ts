import {
  type ReceiveCallbackRequest,
  type ReceiveCallbackResponse,
} from '../../../gen/paymesh/intent/v1/provider_callback_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain } from '../errors.js'
import { type Provider } from '../providers/provider.js'
import { callbackNotSigned, providerNotFound } from '../providers/provider-errors.js'
import { type RpcDeps } from './deps.js'

/**
 * Takes a provider's answer in, and then carries out what it decides. In this order: PROVIDER_NOT_FOUND,
 * CALLBACK_NOT_SIGNED, INVALID_FIELD.
 */
export async function receiveCallback(
  deps: RpcDeps,
  call: Call,
  { provider: name, body }: ReceiveCallbackRequest,
): Promise<ReceiveCallbackResponse> {
  const provider = deps.providers.get(name)
  if (provider === undefined) throw providerNotFound(name)
  const received = read(deps, call, provider, Buffer.from(body?.data ?? []))
  const { intent } = await deps.inbox.take({ provider: name, via: 'CALLBACK', ...received })
  deps.crashPoint('after-report')
  // What was written is carried out later in any case, so the provider is not asked to send again for want of a Ledger.
  if (intent !== undefined)
    await deps.advance(intent, 'LEAVE').catch((error: unknown) => {
      logged(call, error)
    })
  return {}
}

function read(deps: RpcDeps, call: Call, provider: Provider, body: Buffer) {
  const headers = {
    id: call.header('webhook-id'),
    timestamp: call.header('webhook-timestamp'),
    signature: call.header('webhook-signature'),
  }
  const callback = provider.readCallback(headers, body, deps.clock.nowMs())
  if (callback.kind === 'unsigned') throw callbackNotSigned()
  const check = new FieldCheck(errorDomain)
  check.that(callback.kind === 'report', 'body', 'must be of the agreed form')
  check.done()
  if (callback.kind !== 'report') throw new Error('a check that failed throws')
  return { eventId: callback.eventId, report: callback.report }
}

function logged(call: Call, error: unknown): void {
  call.log.warn({ err: error }, 'what a callback decided is left to the resumer')
}
