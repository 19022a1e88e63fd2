import { encodeIldcpReply, ildcpDestination, peerProtocolCondition, peerProtocolFulfillment } from './ilp/ildcp.js'
import type { Fulfill, Prepare, Reject, Reply } from './ilp/packet.js'
import { type Peer, peerAddress } from './peer.js'

/** The node that a packet has reached. */
export interface Node {
  /** Its ILP address, such as `test.paymesh`. */
  readonly ilpAddress: string
}

/**
 * Answers a packet of a peer. Checks in this order: expiry (R02), peer protocols (F01, F02), route (F02). No value moves:
 * what comes before the expiry (limits on size and rate) and after the route (conversion, holds) belongs to
 * links and routes, which a node without any does not have.
 */
export function answerPacket(node: Node, peer: Peer, prepare: Prepare, nowMs: number): Reply {
  if (prepare.expiresAtMs <= nowMs) return reject(node, 'R02', 'the packet has expired')
  if (prepare.destination === ildcpDestination) return answerIldcp(node, peer, prepare)
  if (prepare.destination.startsWith('peer.')) return reject(node, 'F02', 'no such peer protocol')
  return reject(node, 'F02', 'no route to the destination')
}

function answerIldcp(node: Node, peer: Peer, prepare: Prepare): Reply {
  if (!prepare.condition.equals(peerProtocolCondition)) {
    return reject(node, 'F01', 'the condition is not that of a peer protocol')
  }
  if (prepare.amount !== 0n) return reject(node, 'F01', 'the amount of a peer protocol is zero')
  const address = peerAddress(node.ilpAddress, peer.peerId)
  const { assetScale, assetCode } = peer
  return fulfill(peerProtocolFulfillment, encodeIldcpReply({ address, assetScale, assetCode }))
}

function fulfill(fulfillment: Buffer, data: Buffer): Fulfill {
  return { type: 'fulfill', fulfillment, data }
}

function reject(node: Node, code: string, message: string): Reject {
  return { type: 'reject', code, triggeredBy: node.ilpAddress, message, data: Buffer.alloc(0) }
}
