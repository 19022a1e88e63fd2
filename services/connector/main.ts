import { startAdminServer } from '../runtime/admin-server.js'
import { ChangeListener } from '../runtime/change-listener.js'
import { systemClock } from '../runtime/clock.js'
import { createHttpServer } from '../runtime/http-server.js'
import { createPool } from '../runtime/postgres.js'
import { runService } from '../runtime/process.js'
import { createServer } from '../runtime/server.js'
import { readConfig } from './config.js'
import { answerIlpRequest, type IlpEndpointDeps } from './ilp-endpoint.js'
import { createPacketMetrics } from './packet-metrics.js'
import { answerPacket } from './packet-path.js'
import { PeerDirectory } from './peer-directory.js'
import { connectorBindings, serviceNames } from './server.js'
import { insertPeer, peersChannel, readPeer, readPeers, readPeerTokens, readRevision } from './store.js'

/** A peer whose notification was lost is known within the promised second all the same. */
const pollIntervalMs = 500
/** The longest that a packet may take to arrive and be answered; a Prepare lives for 30 s at most. */
const requestTimeoutMs = 30_000

runService('connector', async ({ log, metrics }) => {
  const config = readConfig()
  const { ilpAddress, tls } = config
  const pool = createPool({ url: config.databaseUrl, max: config.databasePoolMax, applicationName: 'connector', log })
  const peers = new PeerDirectory({ revision: () => readRevision(pool), peerTokens: () => readPeerTokens(pool) })
  const listener = new ChangeListener({
    url: config.databaseUrl,
    applicationName: 'connector',
    channel: peersChannel,
    pollIntervalMs,
    refresh: () => peers.refresh(),
    log,
  })
  await listener.start()
  const packetMetrics = createPacketMetrics(metrics)
  const endpoint: IlpEndpointDeps = {
    findPeerByToken: (token) => peers.findByToken(token),
    answer: (peer, prepare) => {
      const reply = answerPacket({ ilpAddress }, peer, prepare, systemClock.nowMs())
      packetMetrics.replied(reply)
      return reply
    },
  }
  const http = createHttpServer({
    listenAddress: config.httpAddress,
    tls,
    peers: ['edge'],
    requestTimeoutMs,
    handle: async (request) => {
      const answer = await answerIlpRequest(endpoint, request)
      packetMetrics.answered(answer)
      return answer
    },
    log,
  })
  const server = createServer({
    name: 'connector',
    listenAddress: config.listenAddress,
    tls,
    bindings: connectorBindings({
      ilpAddress,
      insertPeer: (peer) => insertPeer(pool, peer),
      readPeer: (peerId) => readPeer(pool, peerId),
      readPeers: (afterPeerId, limit) => readPeers(pool, afterPeerId, limit),
    }),
    reflection: config.isDevelopment,
    drainDelayMs: config.drainDelayMs,
    log,
    metrics,
  })
  await Promise.all([http.listen(), server.listen()])
  let isReady = true
  const admin = await startAdminServer({ address: config.adminAddress, metrics, isReady: () => isReady })
  for (const name of serviceNames) server.setServing(name, true)
  return {
    stop: async () => {
      isReady = false
      // The edge learns from gRPC health checks; the HTTP port is drained once they have had their time.
      await server.drain()
      await http.drain()
      await listener.stop()
      await pool.end()
      await admin.close()
    },
  }
})
