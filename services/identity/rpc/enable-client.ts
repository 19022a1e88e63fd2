import { type EnableClientRequest, EnableClientResponse } from '../../../gen/paymesh/identity/v1/client_service.js'
import type { Call } from '../../runtime/call.js'
import type { ClientStore } from '../clients/client-store.js'
import { readClient, type ReadClientDeps } from './client-message.js'
import { clientIdFrom } from './get-client.js'

export interface EnableClientDeps extends ReadClientDeps {
  clients: Pick<ClientStore, 'find' | 'setDisabled'>
}

/** Lets the client sign again. Fails with INVALID_FIELD, CLIENT_NOT_FOUND, in this order. */
export async function enableClient(
  deps: EnableClientDeps,
  _call: Call,
  { name }: EnableClientRequest,
): Promise<EnableClientResponse> {
  const id = clientIdFrom(name)
  await deps.clients.setDisabled(id, false)
  return EnableClientResponse.fromPartial({ client: await readClient(deps, id) })
}
