import { PeerServiceService } from '../../gen/paymesh/connector/v1/peer_service.js'
import { bind, type Binding } from '../runtime/server.js'
import { createPeer, type CreatePeerDeps } from './rpc/create-peer.js'
import { getPeer, type GetPeerDeps } from './rpc/get-peer.js'
import { listPeers, type ListPeersDeps } from './rpc/list-peers.js'

/** The services of this process, for health checks. */
export const serviceNames = ['paymesh.connector.v1.PeerService'] as const

/** What the Connector serves over gRPC: one line an RPC. */
export function connectorBindings(deps: CreatePeerDeps & GetPeerDeps & ListPeersDeps): Binding[] {
  return [
    bind(PeerServiceService, {
      createPeer: (_call, request) => createPeer(deps, request),
      getPeer: (_call, request) => getPeer(deps, request),
      listPeers: (_call, request) => listPeers(deps, request),
    }),
  ]
}
