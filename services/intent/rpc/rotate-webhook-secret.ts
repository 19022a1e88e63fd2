import {
  type RotateWebhookSecretRequest,
  type RotateWebhookSecretResponse,
} from '../../../gen/paymesh/intent/v1/webhook_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain } from '../errors.js'
import { endpointNotFound } from '../webhooks/webhook-errors.js'
import { rotateSecret } from '../webhooks/webhook-endpoint-store.js'
import { type RpcDeps } from './deps.js'
import { findEndpoint } from './find-webhook-endpoint.js'
import { newSecret } from './new-secret.js'
import { checkEndpointName } from './webhook-fields.js'
import { endpointToMessage } from './webhook-message.js'

const dayMs = 24 * 3_600_000
const overlapMsMax = 7 * dayMs
// A caller whose answers were lost rotates again and again; the secret that its consumer knows must outlast that.
const keptMax = 4

/**
 * Makes a new secret and answers it, this once; the ones before overlap. Fails with INVALID_FIELD,
 * WEBHOOK_ENDPOINT_NOT_FOUND, NOT_OWNER.
 */
export async function rotateWebhookSecret(
  deps: RpcDeps,
  call: Call,
  request: RotateWebhookSecretRequest,
): Promise<RotateWebhookSecretResponse> {
  const { id, overlapMs } = parse(request)
  await findEndpoint(deps, call, id)
  const secret = newSecret(deps, id)
  const nowMs = deps.clock.nowMs()
  if (!(await rotateSecret(deps.pool, id, secret.sealed, nowMs + overlapMs, keptMax))) {
    throw endpointNotFound(request.name)
  }
  return { endpoint: endpointToMessage(await findEndpoint(deps, call, id), nowMs), secret: secret.text }
}

function parse({ name, overlap }: RotateWebhookSecretRequest): { id: string; overlapMs: number } {
  const check = new FieldCheck(errorDomain)
  const id = checkEndpointName(check, name, 'name')
  const overlapMs = overlap === undefined ? dayMs : Number(overlap.seconds) * 1000 + overlap.nanos / 1_000_000
  check.that(overlapMs >= 0 && overlapMs <= overlapMsMax, 'overlap', 'must be 0 to 7 days')
  check.done()
  return { id, overlapMs: Math.floor(overlapMs) }
}
