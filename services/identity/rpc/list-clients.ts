import { type ListClientsRequest, ListClientsResponse } from '../../../gen/paymesh/identity/v1/client_service.js'
import type { Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { decodePageToken, encodePageToken, pageSize } from '../../runtime/page-token.js'
import { type ClientKey, clientName, parseClientName } from '../clients/client.js'
import type { ClientKeyStore } from '../clients/client-key-store.js'
import type { ClientStore } from '../clients/client-store.js'
import { errorDomain } from '../errors.js'
import { clientMessage } from './client-message.js'

export interface ListClientsDeps {
  clients: Pick<ClientStore, 'list'>
  clientKeys: Pick<ClientKeyStore, 'list'>
}

/** Lists clients, oldest first. Fails with INVALID_FIELD. */
export async function listClients(
  deps: ListClientsDeps,
  _call: Call,
  request: ListClientsRequest,
): Promise<ListClientsResponse> {
  const { afterId, size } = parse(request)
  // One more than asked tells whether there is a next page.
  const found = await deps.clients.list(afterId, size + 1)
  const page = found.slice(0, size)
  const last = page.at(-1)
  const more = found.length > size && last !== undefined
  const keysOf = new Map<string, ClientKey[]>(page.map(({ id }) => [id, []]))
  for (const key of await deps.clientKeys.list([...keysOf.keys()])) keysOf.get(key.clientId)?.push(key)
  return ListClientsResponse.fromPartial({
    clients: page.map((client) => clientMessage(client, keysOf.get(client.id) ?? [])),
    nextPageToken: more ? encodePageToken([clientName(last.id)], '') : '',
  })
}

function parse(request: ListClientsRequest): { afterId: string | undefined; size: number } {
  const check = new FieldCheck(errorDomain)
  const size = pageSize(request.pageSize, check)
  const [name = ''] = request.pageToken === '' ? [] : (decodePageToken(request.pageToken, '') ?? [])
  const after = parseClientName(name)
  const afterId = 'value' in after ? after.value : undefined
  check.that(request.pageToken === '' || afterId !== undefined, 'page_token', 'must be of an answer to this call')
  check.done()
  return { afterId, size }
}
