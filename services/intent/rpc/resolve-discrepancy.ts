import {
  type ResolveDiscrepancyRequest,
  type ResolveDiscrepancyResponse,
} from '../../../gen/paymesh/intent/v1/intent_admin_service.js'
import { type Call, callerName } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain } from '../errors.js'
import { discrepancyById, resolveDiscrepancy as resolveStored } from '../providers/discrepancy-store.js'
import { discrepancyNotFound, discrepancyResolved } from '../providers/provider-errors.js'
import { type RpcDeps } from './deps.js'
import { discrepancyIdOf, discrepancyToMessage } from './discrepancy-message.js'
import { checkText } from './fields.js'

const noteLengthMax = 500

/** Writes how a discrepancy was resolved. In this order: INVALID_FIELD, DISCREPANCY_NOT_FOUND, DISCREPANCY_RESOLVED. */
export async function resolveDiscrepancy(
  deps: RpcDeps,
  call: Call,
  { name, note }: ResolveDiscrepancyRequest,
): Promise<ResolveDiscrepancyResponse> {
  const check = new FieldCheck(errorDomain)
  const id = discrepancyIdOf(name)
  check.that(id !== undefined, 'name', 'must be discrepancies/{uuid}')
  check.that(note !== '', 'note', 'is required')
  checkText(check, note, noteLengthMax, 'note')
  check.done()
  const resolution = { timeMs: deps.clock.nowMs(), resolver: callerName(call.caller), note }
  const resolved = await resolveStored(deps.pool, id ?? '', resolution)
  if (resolved !== undefined) return { discrepancy: discrepancyToMessage(resolved) }
  if ((await discrepancyById(deps.pool, id ?? '')) === undefined) throw discrepancyNotFound(name)
  throw discrepancyResolved(name)
}
