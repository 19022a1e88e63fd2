import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { DecisionServiceService } from '../../gen/paymesh/rules/v1/decision_service.js'
import { RpcError } from '../runtime/rpc-error.js'
import { type PeerName } from '../runtime/peer-identity.js'
import { createClient } from '../runtime/client.js'
import { testCertificates } from '../../dev/testing.js'
import { theMesh } from './mesh-under-test.js'
import { type TlsFiles } from '../runtime/mesh-credentials.js'

/** Calls Rules as the holder of `tls`, expecting `peer` to answer at the address. */
async function decide(address: string, peer: PeerName, tls: TlsFiles): Promise<RpcError> {
  const client = createClient(DecisionServiceService, {
    address,
    peer,
    tls,
    serviceConfig: 'proto/paymesh/rules/v1/rules_service_config.json',
  })
  try {
    await client.decide({ facts: undefined, ruleSetVersion: 0n, offered: [] }, { timeoutMs: 3_000 })
    assert.fail('the call went through')
  } catch (error) {
    if (error instanceof RpcError) return error
    throw error
  } finally {
    client.close()
  }
}

describe('mesh identity', () => {
  it('lets a peer named in the contract as far as the handler', async () => {
    const { addresses, tls } = await theMesh()
    const { code, reason } = await decide(addresses.rules, 'rules', tls('intent'))
    assert.deepEqual({ code, reason }, { code: status.INVALID_ARGUMENT, reason: 'INVALID_FIELD' })
  })

  it('answers a peer that the contract does not name with PERMISSION_DENIED', async () => {
    const { addresses, tls } = await theMesh()
    for (const peer of ['edge', 'ledger', 'connector', 'operator'] as const) {
      const { code, reason } = await decide(addresses.rules, 'rules', tls(peer))
      assert.deepEqual({ peer, code, reason }, { peer, code: status.PERMISSION_DENIED, reason: 'PEER_NOT_ALLOWED' })
    }
  })

  it('has the server refuse a certificate with another SPIFFE id', async () => {
    const { addresses, tls } = await theMesh()
    const { code } = await decide(addresses.rules, 'rules', tls('stranger'))
    assert.ok(code === status.PERMISSION_DENIED || code === status.UNAUTHENTICATED, String(code))
  })

  it('has the client refuse a server with another SPIFFE id', async () => {
    const { addresses, tls } = await theMesh()
    const { code, message } = await decide(addresses.ledger, 'rules', tls('intent'))
    assert.equal(code, status.UNAVAILABLE, message)
  })

  it('has the server refuse a certificate of another authority', async () => {
    const { addresses, tls } = await theMesh()
    const { code } = await decide(addresses.rules, 'rules', {
      ...(await testCertificates()).foreignCa(),
      caFile: tls('intent').caFile,
    })
    assert.equal(code, status.UNAVAILABLE)
  })
})
