import { Timestamp } from '../../../gen/google/protobuf/timestamp.js'
import { Peer as PeerMessage } from '../../../gen/paymesh/connector/v1/peer_service.js'
import { type Peer, peerAddress } from '../peer.js'

/** The peer as the contract shows it. */
export function peerMessage(nodeAddress: string, peer: Peer): PeerMessage {
  return PeerMessage.fromPartial({
    name: `peers/${peer.peerId}`,
    ilpAddress: peerAddress(nodeAddress, peer.peerId),
    assetCode: peer.assetCode,
    assetScale: peer.assetScale,
    createTime: timestampOf(peer.createTime),
  })
}

function timestampOf(time: Date): Timestamp {
  const timeMs = time.getTime()
  const seconds = Math.floor(timeMs / 1000)
  return Timestamp.fromPartial({ seconds: BigInt(seconds), nanos: (timeMs - seconds * 1000) * 1_000_000 })
}
