import { FieldCheck } from '../../runtime/field-check.js'
import { EVENTS_MAX } from '../engine.js'
import { DOMAIN, ledgerError } from '../errors.js'
import { checkRanges, isInRange } from '../wire.js'

/** Throws BATCH_TOO_LARGE for a batch of more than 253. An empty one is answered with nothing, as TigerBeetle does. */
export function checkCount(field: string, count: number): void {
  if (count <= EVENTS_MAX) return
  const metadata = { count: String(count), most: String(EVENTS_MAX) }
  throw ledgerError('BATCH_TOO_LARGE', `${field} has ${count} elements; at most ${EVENTS_MAX} go together.`, metadata)
}

/** Throws as `checkCount` does, and INVALID_FIELD for values beyond the engine's types. */
export function checkEvents(field: string, events: readonly { code: number; flags: number }[]): void {
  checkCount(field, events.length)
  // Almost always; paths of fields are made only for somebody to read.
  if (events.every(isInRange)) return
  const check = new FieldCheck(DOMAIN)
  for (const [index, event] of events.entries()) checkRanges(check, `${field}[${index}]`, event)
  check.done()
}
