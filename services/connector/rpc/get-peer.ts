import { type GetPeerRequest, GetPeerResponse } from '../../../gen/paymesh/connector/v1/peer_service.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { parseResourceName } from '../../runtime/resource-name.js'
import { connectorError, errorDomain } from '../errors.js'
import { type Peer, peerIdPattern } from '../peer.js'
import { peerMessage } from './peer-message.js'

export interface GetPeerDeps {
  readonly ilpAddress: string
  readPeer(peerId: string): Promise<Peer | undefined>
}

/** Fails with INVALID_FIELD, PEER_NOT_FOUND. */
export async function getPeer(deps: GetPeerDeps, { name }: GetPeerRequest): Promise<GetPeerResponse> {
  const check = new FieldCheck(errorDomain)
  const peerId = parseResourceName('peers/{peer}', name)?.peer ?? ''
  check.that(peerIdPattern.test(peerId), 'name', 'must be peers/{peer}')
  check.done()
  const peer = await deps.readPeer(peerId)
  if (peer === undefined) throw connectorError('PEER_NOT_FOUND', { peer: name })
  return GetPeerResponse.fromPartial({ peer: peerMessage(deps.ilpAddress, peer) })
}
