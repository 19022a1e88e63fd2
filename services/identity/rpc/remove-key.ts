import assert from 'node:assert/strict'
import { type RemoveKeyRequest, RemoveKeyResponse } from '../../../gen/paymesh/identity/v1/client_service.js'
import type { Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { parseKeyName } from '../clients/client.js'
import type { ClientKeyStore } from '../clients/client-key-store.js'
import { errorDomain, identityError } from '../errors.js'
import { take } from '../parsed.js'

export interface RemoveKeyDeps {
  clientKeys: Pick<ClientKeyStore, 'remove'>
}

/** Removes a key. Fails with INVALID_FIELD, KEY_NOT_FOUND, in this order. */
export async function removeKey(
  { clientKeys }: RemoveKeyDeps,
  _call: Call,
  { name }: RemoveKeyRequest,
): Promise<RemoveKeyResponse> {
  const check = new FieldCheck(errorDomain)
  const ids = take(check, 'name', parseKeyName(name))
  check.done()
  assert(ids !== undefined)
  if (!(await clientKeys.remove(ids))) throw identityError('KEY_NOT_FOUND', { key: name })
  return RemoveKeyResponse.fromPartial({})
}
