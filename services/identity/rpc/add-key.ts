import assert from 'node:assert/strict'
import { type AddKeyRequest, AddKeyResponse } from '../../../gen/paymesh/identity/v1/client_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { keysMax, parseClientName } from '../clients/client.js'
import type { ClientKeyStore } from '../clients/client-key-store.js'
import { errorDomain, identityError } from '../errors.js'
import { take } from '../parsed.js'
import { isEd25519PublicKey } from '../signatures/signature-algorithm.js'
import { keyMessage } from './client-message.js'

export interface AddKeyDeps {
  clientKeys: Pick<ClientKeyStore, 'add'>
  clock: Clock
  newId: () => string
}

/** Adds a public key. Fails with INVALID_FIELD, CLIENT_NOT_FOUND, TOO_MANY_KEYS, in this order. */
export async function addKey(deps: AddKeyDeps, _call: Call, request: AddKeyRequest): Promise<AddKeyResponse> {
  const nowMs = deps.clock.nowMs()
  const { clientId, expireTimeMs } = parse(request, nowMs)
  const material = { algorithm: 'ed25519', publicKey: Buffer.from(request.publicKey) } as const
  const added = await deps.clientKeys.add({ id: deps.newId(), clientId, material, createTimeMs: nowMs, expireTimeMs })
  switch (added.kind) {
    case 'added':
    case 'exists':
      return AddKeyResponse.fromPartial({ key: keyMessage(added.key) })
    case 'no-client':
      throw identityError('CLIENT_NOT_FOUND', { client: request.parent })
    case 'too-many':
      throw identityError('TOO_MANY_KEYS', { most: String(keysMax) })
  }
}

function parse(request: AddKeyRequest, nowMs: number): { clientId: string; expireTimeMs: number | undefined } {
  const check = new FieldCheck(errorDomain)
  const clientId = take(check, 'parent', parseClientName(request.parent))
  check.that(isEd25519PublicKey(request.publicKey), 'public_key', 'must be the 32 bytes of an Ed25519 public key')
  const { expireTime } = request
  const expireTimeMs = expireTime && Number(expireTime.seconds) * 1000 + Math.floor(expireTime.nanos / 1_000_000)
  check.that(expireTimeMs === undefined || expireTimeMs > nowMs, 'expire_time', 'must be in the future')
  check.done()
  assert(clientId !== undefined)
  return { clientId, expireTimeMs }
}
