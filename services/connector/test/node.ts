import { connect, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2'
import { readFileSync } from 'node:fs'
import { testCertificates } from '../../../dev/testing.js'
import { PeerServiceService } from '../../../gen/paymesh/connector/v1/peer_service.js'
import { ChangeListener } from '../../runtime/change-listener.js'
import { type Client, createClient } from '../../runtime/client.js'
import { createHttpServer } from '../../runtime/http-server.js'
import { createLogger } from '../../runtime/logger.js'
import type { TlsFiles } from '../../runtime/mesh-credentials.js'
import { createMetrics } from '../../runtime/metrics.js'
import type { PeerName } from '../../runtime/peer-identity.js'
import { createPool } from '../../runtime/postgres.js'
import { createServer } from '../../runtime/server.js'
import { answerIlpRequest } from '../ilp-endpoint.js'
import { answerPacket } from '../packet-path.js'
import { PeerDirectory } from '../peer-directory.js'
import { connectorBindings } from '../server.js'
import { insertPeer, peersChannel, readPeer, readPeers, readPeerTokens, readRevision } from '../store.js'

/** One Connector with its own memory, as main.ts makes it. Its address is test.paymesh. */
export interface TestNode {
  readonly peers: PeerDirectory
  readonly httpPort: number
  client(peer: PeerName): Client<typeof PeerServiceService>
  stop(): Promise<void>
}

export const ilpAddress = 'test.paymesh'

export async function startNode(
  url: string,
  options: { pollIntervalMs?: number; nowMs?: () => number } = {},
): Promise<TestNode> {
  const tls = await testCertificates()
  const log = createLogger({ name: 'connector', level: 'silent' })
  const pool = createPool({ url, max: 4, applicationName: 'connector', log })
  const peers = new PeerDirectory({ revision: () => readRevision(pool), peerTokens: () => readPeerTokens(pool) })
  const listener = new ChangeListener({
    url,
    applicationName: 'connector',
    channel: peersChannel,
    pollIntervalMs: options.pollIntervalMs ?? 500,
    refresh: () => peers.refresh(),
    log,
  })
  await listener.start()
  const nowMs = options.nowMs ?? Date.now
  const http = createHttpServer({
    listenAddress: 'localhost:0',
    tls: tls.of('connector'),
    peers: ['edge'],
    requestTimeoutMs: 2000,
    handle: (request) =>
      answerIlpRequest(
        {
          findPeerByToken: (token) => peers.findByToken(token),
          answer: (peer, prepare) => answerPacket({ ilpAddress }, peer, prepare, nowMs()),
        },
        request,
      ),
    log,
  })
  const server = createServer({
    name: 'connector',
    listenAddress: 'localhost:0',
    tls: tls.of('connector'),
    bindings: connectorBindings({
      ilpAddress,
      insertPeer: (peer) => insertPeer(pool, peer),
      readPeer: (peerId) => readPeer(pool, peerId),
      readPeers: (after, limit) => readPeers(pool, after, limit),
    }),
    reflection: false,
    drainDelayMs: 0,
    log,
    metrics: createMetrics('connector'),
  })
  await Promise.all([http.listen(), server.listen()])
  const clients: { close(): void }[] = []
  return {
    peers,
    httpPort: http.port,
    client: (peer) => {
      const client = createClient(PeerServiceService, {
        address: `localhost:${server.port}`,
        peer: 'connector',
        tls: tls.of(peer),
        serviceConfig: 'proto/paymesh/connector/v1/connector_service_config.json',
      })
      clients.push(client)
      return client
    },
    stop: async () => {
      for (const client of clients) client.close()
      await Promise.all([server.drain(), http.drain()])
      await listener.stop()
      await pool.end()
    },
  }
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Buffer
}

/** A connection like the edge's. */
export function openSession(port: number, tls: TlsFiles): ClientHttp2Session {
  const session = connect(`https://localhost:${port}`, {
    cert: readFileSync(tls.certFile),
    key: readFileSync(tls.keyFile),
    ca: readFileSync(tls.caFile),
  })
  session.on('error', () => undefined)
  return session
}

/** Sends one request; `body` undefined sends headers alone and leaves the request open. */
export function send(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: Buffer): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': '/ilp', ...headers }, { endStream: false })
    const chunks: Buffer[] = []
    let response: Omit<HttpResponse, 'body'> | undefined
    stream.on('response', (received) => {
      response = { status: Number(received[':status']), headers: received }
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', reject)
    stream.on('close', () => {
      if (response === undefined) reject(new Error('no answer'))
      else resolve({ ...response, body: Buffer.concat(chunks) })
    })
    if (body !== undefined) stream.end(body)
  })
}
