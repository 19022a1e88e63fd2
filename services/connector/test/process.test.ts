import assert from 'node:assert/strict'
import { serviceVariables, TestProcess } from '../../../dev/test-process.js'
import { freePort, testCertificates, testDatabase } from '../../../dev/testing.js'
import { CreatePeerRequest, PeerServiceService } from '../../../gen/paymesh/connector/v1/peer_service.js'
import { createClient } from '../../runtime/client.js'
import { peerProtocolCondition } from '../ilp/ildcp.js'
import { decodePacket, encodePacket } from '../ilp/packet.js'
import { eventually } from '../../../dev/eventually.js'
import { openSession, send } from './node.js'

const incomingToken = 'token-of-alice'.padEnd(32, '-')

describe('the Connector process', () => {
  it('answers ILDCP to a peer made a moment ago, and leaves with 0 on SIGTERM', async () => {
    const certificates = await testCertificates()
    const httpPort = await freePort()
    const variables = await serviceVariables('connector', await testDatabase('connector'))
    const { LISTEN_ADDRESS: address = '', ADMIN_ADDRESS: adminAddress = '' } = variables
    const connector = new TestProcess('services/connector/main.js', {
      ...variables,
      HTTP_ADDRESS: `localhost:${httpPort}`,
      ILP_ADDRESS: 'test.paymesh',
    })
    await connector.becomesReady(adminAddress)
    const client = createClient(PeerServiceService, {
      address,
      peer: 'connector',
      tls: certificates.of('operator'),
      serviceConfig: 'proto/paymesh/connector/v1/connector_service_config.json',
    })
    const peer = { assetCode: 'THB', assetScale: 2 }
    await client.createPeer(CreatePeerRequest.fromPartial({ peerId: 'alice', peer, incomingToken }))
    client.close()
    const body = encodePacket({
      type: 'prepare',
      amount: 0n,
      expiresAtMs: Date.now() + 60_000,
      condition: peerProtocolCondition,
      destination: 'peer.config',
      data: Buffer.alloc(0),
    })
    const headers = { authorization: `Bearer ${incomingToken}`, 'content-type': 'application/octet-stream' }
    const session = openSession(httpPort, certificates.of('edge'))
    await eventually(async () => {
      const response = await send(session, headers, body)
      return response.status === 200 && decodePacket(response.body).type === 'fulfill'
    }, 1000)
    const metrics = await (await fetch(`http://${adminAddress}/metrics`)).text()
    assert.match(metrics, /^paymesh_connector_packets_total\{answer="fulfill".*\} 1$/m)
    connector.terminate()
    assert.equal(await connector.exitCode(), 0)
    session.destroy()
    assert.ok(!connector.output.includes(incomingToken))
  })

  it('names what is missing from its environment and leaves with 78', async () => {
    const variables = await serviceVariables('connector', 'postgres://localhost/none')
    const connector = new TestProcess('services/connector/main.js', { ...variables, ILP_ADDRESS: 'peer.me' })
    assert.equal(await connector.exitCode(), 78)
    assert.match(connector.output, /HTTP_ADDRESS is missing/)
    assert.match(connector.output, /ILP_ADDRESS is wrong/)
  })
})
