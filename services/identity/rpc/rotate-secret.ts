import assert from 'node:assert/strict'
import { type RotateSecretRequest, RotateSecretResponse } from '../../../gen/paymesh/identity/v1/client_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import type { Random } from '../../runtime/ids.js'
import type { Keyring } from '../../runtime/keyring.js'
import { keysMax, parseClientName } from '../clients/client.js'
import type { ClientKeyStore } from '../clients/client-key-store.js'
import { newSecret } from '../clients/client-secret.js'
import { errorDomain, identityError } from '../errors.js'
import { take } from '../parsed.js'
import { keyMessage } from './client-message.js'
import { checkRequestId, requestKey, requireSameRequest } from './request-key.js'

export interface RotateSecretDeps {
  clientKeys: Pick<ClientKeyStore, 'rotate'>
  keyring: Keyring
  random: Random
  clock: Clock
  newId: () => string
}

const dayMs = 24 * 60 * 60_000
const overlapMsMax = 30 * dayMs

/**
 * Makes another secret and answers it, this once; those before it end after the overlap. Fails with INVALID_FIELD,
 * CLIENT_NOT_FOUND, REQUEST_ID_REUSED, TOO_MANY_KEYS, in this order.
 */
export async function rotateSecret(
  deps: RotateSecretDeps,
  call: Call,
  request: RotateSecretRequest,
): Promise<RotateSecretResponse> {
  const { clientId, overlapMs } = parse(request)
  const createTimeMs = deps.clock.nowMs()
  const ids = { clientId, id: deps.newId() }
  const { material, text } = newSecret(deps, ids)
  const sameRequest = requestKey(request.requestId, 'RotateSecret', [overlapMs])
  const key = { ...ids, material, createTimeMs, expireTimeMs: undefined }
  const rotated = await deps.clientKeys.rotate(key, sameRequest, createTimeMs + overlapMs)
  switch (rotated.kind) {
    case 'added':
      return RotateSecretResponse.fromPartial({ key: keyMessage(rotated.key), secret: text.reveal() })
    case 'exists':
      requireSameRequest(call, sameRequest, rotated.requestHash)
      return RotateSecretResponse.fromPartial({ key: keyMessage(rotated.key) })
    case 'no-client':
      throw identityError('CLIENT_NOT_FOUND', { client: request.name })
    case 'too-many':
      throw identityError('TOO_MANY_KEYS', { most: String(keysMax) })
  }
}

function parse({ name, requestId, overlap }: RotateSecretRequest): { clientId: string; overlapMs: number } {
  const check = new FieldCheck(errorDomain)
  const clientId = take(check, 'name', parseClientName(name))
  checkRequestId(check, requestId)
  const overlapMs = overlap === undefined ? dayMs : Number(overlap.seconds) * 1000 + overlap.nanos / 1_000_000
  check.that(overlapMs >= 0 && overlapMs <= overlapMsMax, 'overlap', 'must be 0 to 30 days')
  check.done()
  assert(clientId !== undefined)
  return { clientId, overlapMs: Math.floor(overlapMs) }
}
