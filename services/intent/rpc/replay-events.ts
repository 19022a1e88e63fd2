import {
  type ReplayEventsRequest,
  type ReplayEventsResponse,
} from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import { type Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain } from '../errors.js'
import { replayDead } from '../events/outbox-store.js'
import { type RpcDeps } from './deps.js'
import { intentIdOf } from './fields.js'

/** Publishes again what was given up. Fails with INVALID_FIELD. */
export async function replayEvents(
  deps: RpcDeps,
  _call: Call,
  { name }: ReplayEventsRequest,
): Promise<ReplayEventsResponse> {
  const check = new FieldCheck(errorDomain)
  const id = name === '' ? undefined : intentIdOf(name)
  check.that(name === '' || id !== undefined, 'name', 'must be intents/{uuid}')
  check.done()
  return { writeCount: BigInt(await replayDead(deps.pool, id)) }
}
