import { type ListGrantsRequest, ListGrantsResponse } from '../../../gen/paymesh/identity/v1/role_service.js'
import type { Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { decodePageToken, encodePageToken, pageSize } from '../../runtime/page-token.js'
import { errorDomain } from '../errors.js'
import type { GrantPlace, GrantStore } from '../roles/grant-store.js'
import { take } from '../parsed.js'
import { parseUserName, userName } from '../users/user.js'
import { grantMessage } from './grant-message.js'

export interface ListGrantsDeps {
  grants: Pick<GrantStore, 'list'>
}

/** Lists grants by user and role. A grant made meanwhile shows when it sorts behind the page. Fails with INVALID_FIELD. */
export async function listGrants(
  deps: ListGrantsDeps,
  _call: Call,
  request: ListGrantsRequest,
): Promise<ListGrantsResponse> {
  const { userId, after, size } = parse(request)
  // One more than asked tells whether there is a next page.
  const found = await deps.grants.list(userId, after, size + 1)
  const page = found.slice(0, size)
  const last = page.at(-1)
  const more = found.length > size && last !== undefined
  return ListGrantsResponse.fromPartial({
    grants: page.map(grantMessage),
    nextPageToken: more ? encodePageToken([userName(last.userId), last.role], request.user) : '',
  })
}

function parse(request: ListGrantsRequest): {
  userId: string | undefined
  after: GrantPlace | undefined
  size: number
} {
  const check = new FieldCheck(errorDomain)
  const userId = request.user === '' ? undefined : take(check, 'user', parseUserName(request.user))
  const size = pageSize(request.pageSize, check)
  const after = request.pageToken === '' ? undefined : placeOf(request.pageToken, request.user)
  check.that(request.pageToken === '' || after !== undefined, 'page_token', 'must be of an answer to the same filter')
  check.done()
  return { userId, after, size }
}

function placeOf(token: string, filter: string): GrantPlace | undefined {
  const [name, role] = decodePageToken(token, filter) ?? []
  if (name === undefined || role === undefined) return undefined
  const userId = parseUserName(name)
  return 'value' in userId ? { userId: userId.value, role } : undefined
}
