import { type ListPeersRequest, ListPeersResponse } from '../../../gen/paymesh/connector/v1/peer_service.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { decodePageToken, encodePageToken, pageSize } from '../../runtime/page-token.js'
import { errorDomain } from '../errors.js'
import type { Peer } from '../peer.js'
import { peerMessage } from './peer-message.js'

export interface ListPeersDeps {
  readonly ilpAddress: string
  readPeers(afterPeerId: string, limit: number): Promise<readonly Peer[]>
}

/** The list has no filters; the word binds tokens to it all the same. */
const tokenFilters = 'peers'

/** Fails with INVALID_FIELD. */
export async function listPeers(deps: ListPeersDeps, request: ListPeersRequest): Promise<ListPeersResponse> {
  const check = new FieldCheck(errorDomain)
  const size = pageSize(request.pageSize, check)
  const after = request.pageToken === '' ? [''] : decodePageToken(request.pageToken, tokenFilters)
  check.that(after?.length === 1, 'page_token', 'must be the next_page_token of the page before')
  check.done()
  // One more than the page tells whether there is another.
  const found = await deps.readPeers(after?.[0] ?? '', size + 1)
  const page = found.slice(0, size)
  const last = found.length > size ? page.at(-1) : undefined
  return ListPeersResponse.fromPartial({
    peers: page.map((peer) => peerMessage(deps.ilpAddress, peer)),
    nextPageToken: last === undefined ? '' : encodePageToken([last.peerId], tokenFilters),
  })
}
