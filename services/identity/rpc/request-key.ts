import { createHash } from 'node:crypto'
import { type Call } from '../../runtime/call.js'
import type { FieldCheck } from '../../runtime/field-check.js'
import type { RequestKey } from '../clients/client-key-row.js'
import { identityError } from '../errors.js'

const requestIdPattern = /^[A-Za-z0-9._-]{1,64}$/

/** The header that says that an answer is an earlier request's. */
const replayHeader = 'idempotent-replay'

export function checkRequestId(check: FieldCheck, requestId: string): void {
  check.that(requestIdPattern.test(requestId), 'request_id', 'must be 1 to 64 of A-Z a-z 0-9 . _ -')
}

/** The key of a request: its id, and SHA-256 of what it asks. The form is stored for ever: never change it for an RPC. */
export function requestKey(requestId: string, rpc: string, asked: readonly unknown[]): RequestKey {
  return {
    requestId,
    requestHash: createHash('sha256')
      .update(JSON.stringify([rpc, ...asked]))
      .digest(),
  }
}

/** Notes in the answer that it is an earlier request's. Throws REQUEST_ID_REUSED when that one asked for something else. */
export function requireSameRequest(call: Call, request: RequestKey, earlierHash: Buffer | undefined): void {
  if (earlierHash?.equals(request.requestHash) !== true) {
    throw identityError('REQUEST_ID_REUSED', { request_id: request.requestId })
  }
  call.sendHeader(replayHeader, 'true')
}
