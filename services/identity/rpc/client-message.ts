import {
  Client as ClientMessage,
  ClientKey as KeyMessage,
  ClientState,
  KeyAlgorithm as AlgorithmMessage,
} from '../../../gen/paymesh/identity/v1/client_service.js'
import { type Client, type ClientKey, clientName, type KeyAlgorithm, keyName } from '../clients/client.js'
import type { ClientKeyStore } from '../clients/client-key-store.js'
import type { ClientStore } from '../clients/client-store.js'
import { identityError } from '../errors.js'
import { timestamp } from './timestamp.js'

export interface ReadClientDeps {
  clients: Pick<ClientStore, 'find'>
  clientKeys: Pick<ClientKeyStore, 'list'>
}

/** The client with its keys as the contract shows them. Throws CLIENT_NOT_FOUND. */
export async function readClient({ clients, clientKeys }: ReadClientDeps, id: string): Promise<ClientMessage> {
  const client = await clients.find(id)
  if (client === undefined) throw identityError('CLIENT_NOT_FOUND', { client: clientName(id) })
  return clientMessage(client, await clientKeys.list([id]))
}

/** The client as the contract shows it. */
export function clientMessage(client: Client, keys: readonly ClientKey[]): ClientMessage {
  return ClientMessage.fromPartial({
    name: clientName(client.id),
    displayName: client.displayName,
    permissions: [...client.permissions],
    mayActFor: [...client.mayActFor],
    networks: [...client.networks],
    state: client.disabled ? ClientState.DISABLED : ClientState.ENABLED,
    keys: keys.map(keyMessage),
    createTime: timestamp(client.createTimeMs),
    etag: `"${client.revision}"`,
  })
}

/** The key as the contract shows it: of a secret nothing. */
export function keyMessage(key: ClientKey): KeyMessage {
  const { material } = key
  return KeyMessage.fromPartial({
    name: keyName(key),
    algorithm: algorithms[material.algorithm],
    publicKey: material.algorithm === 'ed25519' ? material.publicKey : Buffer.alloc(0),
    createTime: timestamp(key.createTimeMs),
    ...(key.expireTimeMs !== undefined && { expireTime: timestamp(key.expireTimeMs) }),
  })
}

const algorithms: Readonly<Record<KeyAlgorithm, AlgorithmMessage>> = {
  'hmac-sha256': AlgorithmMessage.HMAC_SHA256,
  ed25519: AlgorithmMessage.ED25519,
}
