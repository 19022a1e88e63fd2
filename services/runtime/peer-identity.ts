import { Peer } from '../../gen/paymesh/access/v1/access.js'

/** Who may be on the other end of a connection inside the mesh. */
export type PeerName = 'edge' | 'ledger' | 'connector' | 'intent' | 'rules' | 'identity' | 'operator'

const peers: Readonly<Record<PeerName, Peer>> = {
  edge: Peer.EDGE,
  ledger: Peer.LEDGER,
  connector: Peer.CONNECTOR,
  intent: Peer.INTENT,
  rules: Peer.RULES,
  identity: Peer.IDENTITY,
  operator: Peer.OPERATOR,
}

const trustDomain = 'spiffe://paymesh/'

/** Every name a peer may have. */
export const peerNames = Object.keys(peers) as readonly PeerName[]

/** The peer as access options name it. */
export function peerNumber(name: PeerName): Peer {
  return peers[name]
}

/** The SPIFFE id in the certificate of a peer. */
export function spiffeUri(name: PeerName): string {
  return trustDomain + name
}

const namesByUri: ReadonlyMap<string, PeerName> = new Map(peerNames.map((name) => [spiffeUri(name), name]))

/**
 * The URI among a certificate's alternative names, as Node prints them ("URI:spiffe://paymesh/intent, DNS:intent").
 * Undefined unless there is exactly one (the SPIFFE standard, X.509-SVID section 2), and when any entry is quoted: Node
 * quotes names that hold commas or quotes, and none of ours does.
 */
export function uriSanOf(alternativeNames: string | undefined): string | undefined {
  if (alternativeNames === undefined || alternativeNames.includes('"')) return undefined
  const uris = alternativeNames.split(', ').filter((name) => name.startsWith('URI:'))
  return uris.length === 1 ? uris[0]?.slice('URI:'.length) : undefined
}

/** The peer whose certificate has these alternative names; undefined for a stranger. */
export function peerOf(alternativeNames: string | undefined): PeerName | undefined {
  const uri = uriSanOf(alternativeNames)
  return uri === undefined ? undefined : namesByUri.get(uri)
}
