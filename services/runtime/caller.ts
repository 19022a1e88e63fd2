import type { Metadata } from '@grpc/grpc-js'
import type { Caller } from './call.js'
import { claimsHeader, parseClaims } from './claims.js'
import { claimsMalformed } from './errors.js'
import type { PeerName } from './peer-identity.js'

/**
 * On whose behalf a peer calls. Claims are believed from the edge alone; from anyone else the header is as if it
 * were not there. Throws CLAIMS_MALFORMED.
 */
export function callerFrom(peer: PeerName, metadata: Metadata): Caller {
  if (peer !== 'edge') return { kind: 'peer', peer }
  const [header, ...others] = metadata.get(claimsHeader)
  if (header === undefined) return { kind: 'anonymous', peer }
  const subject = others.length === 0 && typeof header === 'string' ? parseClaims(header) : undefined
  if (subject === undefined) throw claimsMalformed()
  return { kind: 'subject', peer, subject }
}
