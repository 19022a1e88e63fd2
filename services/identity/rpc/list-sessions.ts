import {
  Session,
  type ListSessionsRequest,
  ListSessionsResponse,
} from '../../../gen/paymesh/identity/v1/session_service.js'
import type { Call } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { decodePageToken, encodePageToken, pageSize } from '../../runtime/page-token.js'
import { errorDomain } from '../errors.js'
import type { ListedSession, SessionList, SessionPlace } from '../sessions/session-list.js'
import { parseSessionName, sessionName, userName } from '../users/user.js'
import { callerSessionId, callerUserId } from './own-user.js'
import { timestamp } from './timestamp.js'

export interface ListSessionsDeps {
  sessionList: Pick<SessionList, 'list'>
  clock: Clock
}

/** Lists the caller's live sessions. Fails with INVALID_FIELD. */
export async function listSessions(
  deps: ListSessionsDeps,
  call: Call,
  request: ListSessionsRequest,
): Promise<ListSessionsResponse> {
  const userId = callerUserId(call)
  const { after, size } = parse(request, userName(userId))
  // One more than asked tells whether there is a next page.
  const found = await deps.sessionList.list(userId, after, size + 1, deps.clock.nowMs())
  const page = found.slice(0, size)
  const last = page.at(-1)
  const more = found.length > size && last !== undefined
  const current = callerSessionId(call)
  return ListSessionsResponse.fromPartial({
    sessions: page.map((session) => sessionMessage(session, current)),
    nextPageToken: more ? encodePageToken([sessionName(last.id), String(last.createTimeMs)], userName(userId)) : '',
  })
}

function sessionMessage(session: ListedSession, currentId: string | undefined): Session {
  const { id, createTimeMs, refreshTimeMs, expireTimeMs } = session
  return Session.fromPartial({
    name: sessionName(id),
    createTime: timestamp(createTimeMs),
    ...(refreshTimeMs !== undefined && { refreshTime: timestamp(refreshTimeMs) }),
    expireTime: timestamp(expireTimeMs),
    current: id === currentId,
  })
}

function parse(request: ListSessionsRequest, owner: string): { after: SessionPlace | undefined; size: number } {
  const check = new FieldCheck(errorDomain)
  const size = pageSize(request.pageSize, check)
  const after = request.pageToken === '' ? undefined : placeOf(request.pageToken, owner)
  check.that(request.pageToken === '' || after !== undefined, 'page_token', 'must be of an answer to the same list')
  check.done()
  return { after, size }
}

function placeOf(token: string, owner: string): SessionPlace | undefined {
  const [name, time] = decodePageToken(token, owner) ?? []
  if (name === undefined || time === undefined || !/^\d{1,15}$/.test(time)) return undefined
  const id = parseSessionName(name)
  return 'value' in id ? { id: id.value, createTimeMs: Number(time) } : undefined
}
