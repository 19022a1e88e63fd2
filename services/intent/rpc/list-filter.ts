// What ListIntents and SearchIntents have in common: the filters of a page of intents.
import { IntentState as StateMessage } from '../../../gen/paymesh/intent/v1/intent.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { decodePageToken, pageSize } from '../../runtime/page-token.js'
import { errorDomain } from '../errors.js'
import { type IntentFilter } from '../intents/intent-list.js'
import { intentIdOf, walletIdOf } from './fields.js'
import { stateOf } from './intent-state.js'

export type ListFilter = Omit<IntentFilter, 'owner' | 'heldForPayee'>

/** The fields of a request that say which intents, and where the page begins. */
export interface ListRequest {
  readonly pageSize: number
  readonly pageToken: string
  readonly state: StateMessage
  readonly operationType: string
  readonly wallet: string
  readonly creator?: string
  readonly parent?: string
}

/** Parses the filters; `filters` is what a page token is bound to. Throws INVALID_FIELD. */
export function parseFilter(request: ListRequest, filters: string): ListFilter {
  const check = new FieldCheck(errorDomain)
  const countMax = pageSize(request.pageSize, check)
  const [last] = request.pageToken === '' ? [] : (decodePageToken(request.pageToken, filters) ?? [''])
  const beforeId = last === undefined ? undefined : intentIdOf(last)
  check.that(
    request.pageToken === '' || beforeId !== undefined,
    'page_token',
    'must be a next_page_token of the same list',
  )
  const walletId = request.wallet === '' ? undefined : walletIdOf(request.wallet)
  check.that(request.wallet === '' || walletId !== undefined, 'wallet', 'must be wallets/{uuid}')
  check.that(/^[A-Z0-9_]{0,64}$/.test(request.operationType), 'operation_type', 'must be at most 64 of A-Z 0-9 _')
  const state = stateOf(request.state)
  check.that(request.state === StateMessage.UNSPECIFIED || state !== undefined, 'state', 'must be a known state')
  const parentId = request.parent ? intentIdOf(request.parent) : undefined
  check.that(!request.parent || parentId !== undefined, 'parent', 'must be intents/{uuid}')
  check.that((request.creator ?? '').length <= 256, 'creator', 'must be at most 256 characters')
  check.done()
  const { operationType, creator } = request
  return {
    state,
    operationType: operationType || undefined,
    walletId,
    creator: creator || undefined,
    parentId,
    beforeId,
    countMax,
  }
}
