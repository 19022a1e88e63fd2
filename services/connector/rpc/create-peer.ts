import { type CreatePeerRequest, CreatePeerResponse } from '../../../gen/paymesh/connector/v1/peer_service.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { connectorError, errorDomain } from '../errors.js'
import { assetCodePattern, peerIdPattern, tokenPattern, tokenSha256 } from '../peer.js'
import type { InsertPeerOutcome, NewPeer } from '../store.js'
import { peerMessage } from './peer-message.js'

export interface CreatePeerDeps {
  readonly ilpAddress: string
  insertPeer(peer: NewPeer): Promise<InsertPeerOutcome>
}

/** Fails with INVALID_FIELD, PEER_EXISTS_DIFFERENT, TOKEN_TAKEN, in this order. The same request again gives the same answer. */
export async function createPeer(deps: CreatePeerDeps, request: CreatePeerRequest): Promise<CreatePeerResponse> {
  const newPeer = parseRequest(request)
  const outcome = await deps.insertPeer(newPeer)
  switch (outcome.kind) {
    case 'created':
    case 'exists':
      return CreatePeerResponse.fromPartial({ peer: peerMessage(deps.ilpAddress, outcome.peer) })
    case 'exists_different':
      throw connectorError('PEER_EXISTS_DIFFERENT', { peer: `peers/${newPeer.peerId}` })
    case 'token_taken':
      throw connectorError('TOKEN_TAKEN')
  }
}

function parseRequest({ peerId, peer, incomingToken }: CreatePeerRequest): NewPeer {
  const check = new FieldCheck(errorDomain)
  const isPeerIdFit = peerIdPattern.test(peerId)
  check.that(isPeerIdFit, 'peer_id', 'must be 1 to 64 of A-Z a-z 0-9 _ ~ -, the first a letter or digit')
  const { assetCode = '', assetScale } = peer ?? {}
  check.that(assetCodePattern.test(assetCode), 'peer.asset_code', 'must be 1 to 16 of A-Z 0-9')
  check.that(assetScale !== undefined && assetScale <= 255, 'peer.asset_scale', 'must be given, 0 to 255')
  check.that(tokenPattern.test(incomingToken), 'incoming_token', 'must be 32 to 512 visible ASCII characters')
  check.done()
  return { peerId, assetCode, assetScale: assetScale ?? 0, tokenSha256: tokenSha256(incomingToken) }
}
