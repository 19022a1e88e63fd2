import type { HttpAnswer, HttpRequest } from '../runtime/http-server.js'
import { httpError, type HttpReason } from './errors.js'
import { PacketInvalidError } from './ilp/oer.js'
import { decodePacket, encodePacket, type Packet, type Prepare, type Reply } from './ilp/packet.js'
import type { Peer } from './peer.js'

// ILP over HTTP (RFC 35), the synchronous dialect that its implementations speak: POST /ilp with a Prepare, answered 200 with
// the Fulfill or Reject in the body. Checks in this order: path and method 404, token 401, content type 415, size 413,
// packet 400.

export interface IlpEndpointDeps {
  findPeerByToken(token: string): Peer | undefined
  answer(peer: Peer, prepare: Prepare): Reply
}

/** No Prepare is over 34 KB; the rest is room for the extensions that RFC 30 tells receivers to ignore. */
const bodyBytesMax = 40_000

const mediaTypes = new Set(['application/octet-stream', 'application/ilp+octet-stream'])

/** Answers one request; nothing that a client sends makes it reject. */
export async function answerIlpRequest(deps: IlpEndpointDeps, request: HttpRequest): Promise<HttpAnswer> {
  const [path] = request.path.split('?', 1)
  if (request.method !== 'POST' || path !== '/ilp') return refusal('NO_SUCH_PATH')
  const peer = findPeer(deps, request.headers.authorization)
  if (peer === undefined) return refusal('TOKEN_INVALID', undefined, { 'www-authenticate': 'Bearer realm="ilp"' })
  const mediaType = mediaTypeOf(request.headers['content-type'])
  if (!mediaTypes.has(mediaType)) return refusal('UNSUPPORTED_MEDIA_TYPE')
  const body = await request.body(bodyBytesMax)
  if (body === undefined) return refusal('BODY_TOO_LARGE')
  const packet = decode(body)
  if (packet instanceof PacketInvalidError) return refusal('PACKET_INVALID', packet.message)
  if (packet.type !== 'prepare') return refusal('PACKET_INVALID', `a ${packet.type} is an answer`)
  return { status: 200, headers: { 'content-type': mediaType }, body: encodePacket(deps.answer(peer, packet)) }
}

function findPeer(deps: IlpEndpointDeps, authorization: string | undefined): Peer | undefined {
  const token = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  return token === undefined ? undefined : deps.findPeerByToken(token)
}

function mediaTypeOf(contentType: string | undefined): string {
  const [mediaType = ''] = (contentType ?? '').split(';', 1)
  return mediaType.trim().toLowerCase()
}

function decode(body: Buffer): Packet | PacketInvalidError {
  try {
    return decodePacket(body)
  } catch (error) {
    if (error instanceof PacketInvalidError) return error
    throw error
  }
}

function refusal(reason: HttpReason, detail?: string, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  const { status, body } = httpError(reason, detail)
  return { status, headers: { ...headers, 'content-type': 'application/json' }, body }
}
