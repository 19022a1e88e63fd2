import { readFile } from 'node:fs/promises'
import { createSecureServer, type Http2SecureServer, type Http2Session, type ServerHttp2Stream } from 'node:http2'
import { TLSSocket } from 'node:tls'
import { splitAddress } from '../runtime/address.js'
import type { Logger } from '../runtime/logger.js'
import type { TlsFiles } from '../runtime/mesh-credentials.js'
import { type PeerName, peerOf } from '../runtime/peer-identity.js'

/** A whole answer; `content-length` is added. */
export interface HttpAnswer {
  status: number
  headers: Readonly<Record<string, string>>
  body: string
}

export interface MeshHttpServerOptions {
  /** host:port; port 0 takes a free one. */
  address: string
  tls: TlsFiles
  /** Who may ask, by the SPIFFE id in the client's certificate. */
  peers: readonly PeerName[]
  /** Answers a request without a body. */
  answer: (method: string, path: string) => HttpAnswer
  log: Logger
}

export interface MeshHttpServer {
  readonly port: number
  /** Accepts no more, lets what is under way finish, and closes every connection. */
  close(): Promise<void>
}

/** The same as for gRPC: new connections meet a rotated certificate within this time. */
const refreshIntervalMs = 10_000
/** A connection on which nothing happens for so long is closed; the edge asks every minute. */
const idleTimeoutMs = 300_000
const streamsMax = 100

/**
 * Serves HTTP/2 over mutual TLS to peers of the mesh, for what is HTTP by its nature and not an RPC. TLS 1.3 only, a
 * client certificate of the mesh's authority or no connection, and no HTTP/1.1. A stranger or a peer that is not
 * listed gets 403.
 */
export async function startMeshHttpServer(options: MeshHttpServerOptions): Promise<MeshHttpServer> {
  let files = await readTls(options.tls)
  const server = createSecureServer({
    ...files,
    minVersion: 'TLSv1.3',
    requestCert: true,
    rejectUnauthorized: true,
    allowHTTP1: false,
    settings: { maxConcurrentStreams: streamsMax },
  })
  const sessions = new Set<Http2Session>()
  server.on('session', (session) => {
    sessions.add(session)
    session.setTimeout(idleTimeoutMs, () => {
      session.close()
    })
    session.once('close', () => sessions.delete(session))
  })
  // A connection that breaks concerns nobody but its peer, and unheard errors would end the process.
  server.on('sessionError', (error) => {
    options.log.debug({ err: error }, 'an HTTP/2 connection broke')
  })
  server.on('stream', (stream, headers) => {
    respond(stream, options, headers[':method'] ?? '', headers[':path'] ?? '')
  })
  await listen(server, options.address)

  const refresh = async (): Promise<void> => {
    const now = await readTls(options.tls)
    if (now.key === files.key && now.cert === files.cert && now.ca === files.ca) return
    server.setSecureContext({ ...now, minVersion: 'TLSv1.3' })
    files = now
  }
  const timer = setInterval(() => {
    refresh().catch((error: unknown) => {
      options.log.warn({ err: error }, 'could not read the certificate anew')
    })
  }, refreshIntervalMs)
  timer.unref()
  return {
    port: portOf(server),
    close: async () => {
      clearInterval(timer)
      await close(server, sessions)
    },
  }
}

function respond(stream: ServerHttp2Stream, options: MeshHttpServerOptions, method: string, path: string): void {
  stream.on('error', (error) => {
    options.log.debug({ err: error }, 'an HTTP/2 stream broke')
  })
  stream.resume()
  const peer = peerOfStream(stream)
  const allowed = peer !== undefined && options.peers.includes(peer)
  const { status, headers, body } = allowed ? options.answer(method, path) : forbidden
  const bytes = Buffer.from(body)
  stream.respond({ ':status': status, ...headers, 'content-length': bytes.length })
  stream.end(method === 'HEAD' ? undefined : bytes)
}

const forbidden: HttpAnswer = {
  status: 403,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ code: 7, message: 'This peer may not ask here.', details: [] }),
}

function peerOfStream(stream: ServerHttp2Stream): PeerName | undefined {
  const socket = stream.session?.socket
  return socket instanceof TLSSocket ? peerOf(socket.getPeerCertificate().subjectaltname) : undefined
}

async function readTls(tls: TlsFiles): Promise<{ cert: string; key: string; ca: string }> {
  const read = async (path: string): Promise<string> => await readFile(path, 'utf8')
  const [cert, key, ca] = await Promise.all([read(tls.certFile), read(tls.keyFile), read(tls.caFile)])
  return { cert, key, ca }
}

async function listen(server: Http2SecureServer, address: string): Promise<void> {
  const { host, port } = splitAddress(address)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function portOf(server: Http2SecureServer): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port')
  return address.port
}

async function close(server: Http2SecureServer, sessions: ReadonlySet<Http2Session>): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve()
    })
    for (const session of sessions) session.close()
  })
}
