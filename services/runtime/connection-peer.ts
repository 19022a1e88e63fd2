import type { ServerUnaryCall } from '@grpc/grpc-js'
import { type PeerName, peerOf } from './peer-identity.js'

type AuthenticatedCall = Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext'>

const peers = new WeakMap<object, { readonly name: PeerName | undefined }>()

/**
 * The mesh peer at the other end of a call's connection; undefined for a stranger. A certificate does not change while a
 * connection lives (TLS 1.3 has no renegotiation), and taking one apart costs more than a whole call, so the answer is
 * kept for as long as the connection's session object.
 */
export function connectionPeer(call: AuthenticatedCall): PeerName | undefined {
  const session = sessionOf(call)
  const known = session && peers.get(session)
  if (known !== undefined) return known.name
  const name = peerOf(call.getAuthContext().sslPeerCertificate?.subjectaltname)
  if (session !== undefined) peers.set(session, { name })
  return name
}

/**
 * The HTTP/2 session of a call. grpc-js has no public way to it, so each step is looked for and not assumed: should a
 * release arrange itself differently, this answers undefined and only the speed is lost. A test notices.
 */
export function sessionOf(call: object): object | undefined {
  const inner = objectAt(call, 'call')
  const stream = inner && objectAt(inner, 'stream')
  return stream && objectAt(stream, 'session')
}

function objectAt(holder: object, key: string): object | undefined {
  const value: unknown = Reflect.get(holder, key)
  return typeof value === 'object' && value !== null ? value : undefined
}
