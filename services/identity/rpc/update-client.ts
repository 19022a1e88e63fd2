import {
  Client as ClientMessage,
  type UpdateClientRequest,
  UpdateClientResponse,
} from '../../../gen/paymesh/identity/v1/client_service.js'
import type { Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { maskedFields } from '../../runtime/field-mask.js'
import { type ClientProperties, clientName, parseClientName } from '../clients/client.js'
import type { ClientChange, ClientStore } from '../clients/client-store.js'
import { errorDomain, identityError } from '../errors.js'
import { take } from '../parsed.js'
import { checkProperties } from './client-fields.js'
import { readClient, type ReadClientDeps } from './client-message.js'

export interface UpdateClientDeps extends ReadClientDeps {
  clients: Pick<ClientStore, 'find' | 'change'>
}

const changeable = {
  display_name: 'displayName',
  permissions: 'permissions',
  may_act_for: 'mayActFor',
  networks: 'networks',
} as const satisfies Record<string, keyof ClientProperties>
const maskable = { changeable: Object.keys(changeable), named: ['name', 'etag'] }
const etagPattern = /^"([1-9]\d{0,8})"$/

/** Changes a client. Fails with INVALID_FIELD, CLIENT_NOT_FOUND, CLIENT_CHANGED, in this order. */
export async function updateClient(
  deps: UpdateClientDeps,
  _call: Call,
  request: UpdateClientRequest,
): Promise<UpdateClientResponse> {
  const { id, given, client } = parse(request)
  // An etag that this service never gave is of no revision.
  const revision = client.etag === '' ? undefined : Number(etagPattern.exec(client.etag)?.[1] ?? 0)
  const found = await readClient(deps, id)
  const isCurrent =
    given.size === 0
      ? client.etag === '' || client.etag === found.etag
      : await deps.clients.change(id, changeOf(client, given), revision)
  if (!isCurrent) throw identityError('CLIENT_CHANGED', { client: clientName(id) })
  return UpdateClientResponse.fromPartial({ client: await readClient(deps, id) })
}

type Given = ReadonlySet<keyof ClientProperties>

function parse(request: UpdateClientRequest): { id: string; given: Given; client: ClientMessage } {
  const client = request.client ?? ClientMessage.fromPartial({})
  const check = new FieldCheck(errorDomain)
  const id = take(check, 'client.name', parseClientName(client.name)) ?? ''
  const masked = fieldsOf(check, request.updateMask, client)
  const given = new Set(Object.entries(changeable).flatMap(([field, name]) => (masked.has(field) ? [name] : [])))
  checkProperties(check, client, given)
  check.done()
  return { id, given, client }
}

/** AIP-134: without a mask, what has a value; the edge makes none of its own. */
function fieldsOf(check: FieldCheck, mask: string[] | undefined, client: ClientMessage): ReadonlySet<string> {
  if (mask !== undefined && mask.length > 0) return maskedFields(check, mask, maskable)
  return new Set(Object.entries(changeable).flatMap(([field, name]) => (client[name].length > 0 ? [field] : [])))
}

function changeOf(client: ClientMessage, given: Given): ClientChange {
  return {
    displayName: given.has('displayName') ? client.displayName : undefined,
    permissions: given.has('permissions') ? client.permissions : undefined,
    mayActFor: given.has('mayActFor') ? client.mayActFor : undefined,
    networks: given.has('networks') ? client.networks : undefined,
  }
}
