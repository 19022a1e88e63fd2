import { readFileSync } from 'node:fs'
import {
  createSecureServer,
  constants,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { TLSSocket } from 'node:tls'
import { splitAddress } from './address.js'
import type { Logger } from './logger.js'
import type { TlsFiles } from './mesh-credentials.js'
import { peerOf, type PeerName } from './peer-identity.js'

/** A request to a plain HTTP/2 handler. */
export interface HttpRequest {
  readonly method: string
  /** With the query, as it came. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** Reads the body once; undefined when it is over `bytesMax`, in which case the rest is not read. */
  body(bytesMax: number): Promise<Buffer | undefined>
}

/** What a handler answers. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | string
}

/** A server of plain HTTP/2 for the few contracts that are not gRPC (JWKS, ILP). */
export interface HttpServer {
  listen(): Promise<void>
  /** Accepts no more requests and resolves when every accepted one was answered. */
  drain(): Promise<void>
  readonly port: number
}

/** How to make one. */
export interface HttpServerOptions {
  /** host:port; port 0 takes a free one. */
  listenAddress: string
  tls: TlsFiles
  /** The peers that may connect; anybody else's connection is closed before a request is read. */
  peers: readonly PeerName[]
  /** The longest that one request may take, from its headers to its answer. */
  requestTimeoutMs: number
  /** Answers a request. A rejection is logged and answered 500 with an empty body. */
  handle: (request: HttpRequest) => Promise<HttpAnswer>
  log: Logger
}

// A rotated certificate is picked up by new connections within this time, as on the gRPC ports.
const certificateRefreshMs = 10_000
const concurrentStreamsMax = 1000
const headerListBytesMax = 16_384

/** Makes a server that speaks HTTP/2 and TLS 1.3 only, and only to the named peers. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const sessions = new Set<ServerHttp2Session>()
  const server = createSecureServer({
    ...readCertificates(options.tls),
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
    allowHTTP1: false,
    settings: { maxConcurrentStreams: concurrentStreamsMax, maxHeaderListSize: headerListBytesMax },
  })
  server.on('session', (session) => {
    if (!isExpectedPeer(session, options.peers)) {
      session.destroy(undefined, constants.NGHTTP2_INADEQUATE_SECURITY)
      return
    }
    // A handshake that was under way when the server stopped listening.
    if (!server.listening) session.close()
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    // A broken connection ends its streams; there is nobody to tell.
    session.on('error', () => undefined)
  })
  // By default such a socket would be kept for ten seconds, to be told in HTTP/1.1 what is wrong.
  server.on('unknownProtocol', (socket) => {
    socket.destroy()
  })
  server.on('stream', (stream, headers) => {
    void serve(stream, headers, options)
  })
  const stopRefresh = keepCertificatesFresh(server, options)
  return {
    listen: () => listen(server, options.listenAddress),
    drain: () => {
      stopRefresh()
      return drain(server, sessions)
    },
    get port() {
      return (server.address() as AddressInfo).port
    },
  }
}

function isExpectedPeer(session: ServerHttp2Session, peers: readonly PeerName[]): boolean {
  // Not by `in`: the socket is a proxy that answers for the session there.
  if (!(session.socket instanceof TLSSocket)) return false
  const peer = peerOf(session.socket.getPeerCertificate().subjectaltname)
  return peer !== undefined && peers.includes(peer)
}

async function serve(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  { handle, requestTimeoutMs, log }: HttpServerOptions,
): Promise<void> {
  stream.on('error', () => undefined)
  const timer = setTimeout(() => {
    stream.close(constants.NGHTTP2_CANCEL)
  }, requestTimeoutMs)
  stream.on('close', () => {
    clearTimeout(timer)
  })
  const answer = await answerTo(stream, headers, handle, log)
  if (stream.destroyed || stream.closed) return
  stream.respond({ ':status': answer.status, ...answer.headers })
  // `respond` itself ends a stream whose answer has no body by its nature (HEAD, 204, 304).
  if (!stream.writableEnded) stream.end(answer.body)
  if (stream.readableEnded) return
  // An answer that comes before the end of the request tells the client to stop sending (RFC 9113, section 8.1). What was
  // sent by then has to be read off, or the stream would stay open for ever, unread.
  stream.close(constants.NGHTTP2_NO_ERROR)
  stream.resume()
}

async function answerTo(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  handle: HttpServerOptions['handle'],
  log: Logger,
): Promise<HttpAnswer> {
  try {
    return await handle({
      method: headers[':method'] ?? '',
      path: headers[':path'] ?? '',
      headers,
      body: (bytesMax) => readBody(stream, headers, bytesMax),
    })
  } catch (error) {
    // What a client breaks off is not a fault of ours.
    if (!stream.destroyed) log.error({ err: error, path: headers[':path'] }, 'an HTTP handler failed')
    return { status: 500, headers: {}, body: '' }
  }
}

async function readBody(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  bytesMax: number,
): Promise<Buffer | undefined> {
  if (Number(headers['content-length'] ?? 0) > bytesMax) return undefined
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= bytesMax) {
        chunks.push(chunk)
        return
      }
      // What still arrives before the answer does is dropped.
      chunks.length = 0
      resolve(undefined)
    })
    stream.on('end', () => {
      resolve(Buffer.concat(chunks))
    })
    stream.on('close', () => {
      reject(new Error('The client broke the request off.'))
    })
  })
}

function listen(server: Http2SecureServer, address: string): Promise<void> {
  const { host, port } = splitAddress(address)
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function drain(server: Http2SecureServer, sessions: ReadonlySet<ServerHttp2Session>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve()
    })
    for (const session of sessions) session.close()
  })
}

function readCertificates({ certFile, keyFile, caFile }: TlsFiles): Record<'cert' | 'key' | 'ca', string> {
  const read = (file: string) => readFileSync(file, 'utf8')
  return { cert: read(certFile), key: read(keyFile), ca: read(caFile) }
}

/** Reads the files again from time to time; half-written ones are met again in the next round. */
function keepCertificatesFresh(server: Http2SecureServer, { tls, log }: HttpServerOptions): () => void {
  let seen = JSON.stringify(readCertificates(tls))
  const timer = setInterval(() => {
    try {
      const certificates = readCertificates(tls)
      if (JSON.stringify(certificates) === seen) return
      server.setSecureContext({ ...certificates, minVersion: 'TLSv1.3' })
      seen = JSON.stringify(certificates)
    } catch (error) {
      log.warn({ err: error }, 'certificates could not be read again')
    }
  }, certificateRefreshMs)
  timer.unref()
  return () => {
    clearInterval(timer)
  }
}
