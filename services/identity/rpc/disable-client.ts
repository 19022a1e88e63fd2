import { type DisableClientRequest, DisableClientResponse } from '../../../gen/paymesh/identity/v1/client_service.js'
import type { Call } from '../../runtime/call.js'
import type { ClientStore } from '../clients/client-store.js'
import { readClient, type ReadClientDeps } from './client-message.js'
import { clientIdFrom } from './get-client.js'

export interface DisableClientDeps extends ReadClientDeps {
  clients: Pick<ClientStore, 'find' | 'setDisabled'>
}

/** Refuses what the client signs from now on. Fails with INVALID_FIELD, CLIENT_NOT_FOUND, in this order. */
export async function disableClient(
  deps: DisableClientDeps,
  _call: Call,
  { name }: DisableClientRequest,
): Promise<DisableClientResponse> {
  const id = clientIdFrom(name)
  await deps.clients.setDisabled(id, true)
  return DisableClientResponse.fromPartial({ client: await readClient(deps, id) })
}
