import assert from 'node:assert/strict'
import { type GetClientRequest, GetClientResponse } from '../../../gen/paymesh/identity/v1/client_service.js'
import type { Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { parseClientName } from '../clients/client.js'
import { errorDomain } from '../errors.js'
import { take } from '../parsed.js'
import { readClient, type ReadClientDeps } from './client-message.js'

export type GetClientDeps = ReadClientDeps

/** Answers a client. Fails with INVALID_FIELD, CLIENT_NOT_FOUND, in this order. */
export async function getClient(
  deps: GetClientDeps,
  _call: Call,
  { name }: GetClientRequest,
): Promise<GetClientResponse> {
  return GetClientResponse.fromPartial({ client: await readClient(deps, clientIdFrom(name)) })
}

/** The id in the field `name`. Throws INVALID_FIELD. */
export function clientIdFrom(name: string): string {
  const check = new FieldCheck(errorDomain)
  const id = take(check, 'name', parseClientName(name))
  check.done()
  assert(id !== undefined)
  return id
}
