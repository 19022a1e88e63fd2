import assert from 'node:assert/strict'
import {
  type Client as ClientMessage,
  type CreateClientRequest,
  CreateClientResponse,
} from '../../../gen/paymesh/identity/v1/client_service.js'
import { type Call, callerName } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import type { Random } from '../../runtime/ids.js'
import type { Keyring } from '../../runtime/keyring.js'
import type { Client } from '../clients/client.js'
import type { ClientKeyStore } from '../clients/client-key-store.js'
import { newSecret } from '../clients/client-secret.js'
import type { ClientStore } from '../clients/client-store.js'
import { errorDomain } from '../errors.js'
import { checkOutputOnly, checkProperties } from './client-fields.js'
import { clientMessage } from './client-message.js'
import { checkRequestId, requestKey, requireSameRequest } from './request-key.js'

export interface CreateClientDeps {
  clients: Pick<ClientStore, 'create'>
  clientKeys: Pick<ClientKeyStore, 'list'>
  keyring: Keyring
  random: Random
  clock: Clock
  newId: () => string
}

/**
 * Creates a client with a first secret and answers the secret, this once. Fails with INVALID_FIELD, REQUEST_ID_REUSED, in
 * this order.
 */
export async function createClient(
  deps: CreateClientDeps,
  call: Call,
  request: CreateClientRequest,
): Promise<CreateClientResponse> {
  const asked = parse(request)
  const { displayName, permissions, mayActFor, networks } = asked
  const createTimeMs = deps.clock.nowMs()
  const properties = { displayName, permissions, mayActFor, networks }
  const client: Client = { id: deps.newId(), ...properties, disabled: false, revision: 1, createTimeMs }
  const ids = { clientId: client.id, id: deps.newId() }
  const { material, text } = newSecret(deps, ids)
  const key = { ...ids, material, createTimeMs, expireTimeMs: undefined }
  const sameRequest = requestKey(request.requestId, 'CreateClient', [displayName, permissions, mayActFor, networks])
  const created = await deps.clients.create(client, key, callerName(call.caller), sameRequest)
  if (created.kind === 'created') {
    return CreateClientResponse.fromPartial({ client: clientMessage(client, [key]), secret: text.reveal() })
  }
  requireSameRequest(call, sameRequest, created.requestHash)
  const keys = await deps.clientKeys.list([created.winner.id])
  return CreateClientResponse.fromPartial({ client: clientMessage(created.winner, keys) })
}

function parse({ requestId, client }: CreateClientRequest): ClientMessage {
  const check = new FieldCheck(errorDomain)
  checkRequestId(check, requestId)
  if (check.that(client !== undefined, 'client', 'is required') && client !== undefined) {
    checkProperties(check, client, new Set(['displayName', 'permissions', 'mayActFor', 'networks']))
    checkOutputOnly(check, client)
  }
  check.done()
  assert(client !== undefined)
  return client
}
