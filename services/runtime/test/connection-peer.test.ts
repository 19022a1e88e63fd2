import assert from 'node:assert/strict'
import { promisify } from 'node:util'
import { Server } from '@grpc/grpc-js'
import { testCertificates } from '../../../dev/testing.js'
import {
  GetWalletRequest,
  GetWalletResponse,
  WalletServiceService,
} from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { connectionPeer, sessionOf } from '../connection-peer.js'
import { serverCredentials } from '../mesh-credentials.js'
import { clientOf, stopAll } from './running-server.js'

describe('connectionPeer', () => {
  afterEach(stopAll)

  it('finds the session that grpc-js keeps to itself, so that a peer is worked out once a connection', async () => {
    const { getWallet } = WalletServiceService
    const server = new Server()
    const seen: [unknown, unknown][] = []
    server.addService(
      { getWallet },
      {
        getWallet: (call: Parameters<typeof connectionPeer>[0], respond: (e: null, r: GetWalletResponse) => void) => {
          seen.push([sessionOf(call), connectionPeer(call)])
          respond(null, GetWalletResponse.fromPartial({}))
        },
      },
    )
    const credentials = await serverCredentials((await testCertificates()).of('intent'))
    const port = await promisify(server.bindAsync.bind(server))('localhost:0', credentials)
    try {
      for (const peer of ['operator', 'operator', 'edge'] as const) {
        const target = { name: 'intent' as const, address: `localhost:${port}` }
        const client = await clientOf({ getWallet }, target, peer)
        await client.getWallet(GetWalletRequest.fromPartial({}))
        await client.getWallet(GetWalletRequest.fromPartial({}))
      }
    } finally {
      server.forceShutdown()
    }
    const peers = seen.map(([, peer]) => peer)
    assert.deepEqual(peers, ['operator', 'operator', 'operator', 'operator', 'edge', 'edge'])
    const sessions = seen.map(([session]) => session)
    assert.ok(sessions.every((session) => typeof session === 'object'))
    assert.equal(sessions[0], sessions[1])
    assert.notEqual(sessions[1], sessions[2])
  })
})
