import { type AccountFilter, type QueryFilter } from '../../../gen/paymesh/ledger/v1/filter.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { DOMAIN, ledgerError } from '../errors.js'
import { QUERY_LIMIT_MAX } from '../state-machine/filters.js'
import { isInRange } from '../wire.js'

/**
 * The filter of a request. Throws INVALID_FIELD when there is none or its code is beyond the engine's type, and
 * BATCH_TOO_LARGE for a limit above 8189. Whatever else is wrong with a filter is no error: it matches nothing.
 */
export function checkedFilter<F extends AccountFilter | QueryFilter>(filter: F | undefined): F {
  const check = new FieldCheck(DOMAIN)
  check.that(filter !== undefined, 'filter', 'is required')
  // The flags of a filter are wider than those of an event: u32, as on the wire.
  check.that(filter === undefined || isInRange({ code: filter.code, flags: 0 }), 'filter.code', 'must be at most 65535')
  check.done()
  if (filter === undefined) throw new Error('unreachable: the filter was checked')
  if (filter.limit <= QUERY_LIMIT_MAX) return filter
  const metadata = { count: String(filter.limit), most: String(QUERY_LIMIT_MAX) }
  throw ledgerError(
    'BATCH_TOO_LARGE',
    `filter.limit is ${filter.limit}; at most ${QUERY_LIMIT_MAX} go together.`,
    metadata,
  )
}
