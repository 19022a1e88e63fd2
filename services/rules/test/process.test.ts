import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { serviceVariables, TestProcess } from '../../../dev/test-process.js'
import { testCertificates, testDatabase } from '../../../dev/testing.js'
import { Facts } from '../../../gen/paymesh/rules/v1/decision.js'
import { DecideRequest, DecisionServiceService } from '../../../gen/paymesh/rules/v1/decision_service.js'
import { createClient } from '../../runtime/client.js'
import { RpcError } from '../../runtime/rpc-error.js'

const facts = Facts.fromPartial({
  operationType: 'P2P_TRANSFER',
  amount: { assetCode: 'THB', minorUnits: 1n },
  payer: { party: 'wallets/a' },
  payee: { party: 'wallets/b' },
  time: { seconds: 1n },
})

describe('the Rules process', () => {
  it('is ready with nothing published, says so to Decide, and leaves with 0 on SIGTERM', async () => {
    const variables = await serviceVariables('rules', await testDatabase('rules'))
    const { LISTEN_ADDRESS: address = '', ADMIN_ADDRESS: adminAddress = '' } = variables
    const rules = new TestProcess('services/rules/main.js', variables)
    await rules.becomesReady(adminAddress)
    const client = createClient(DecisionServiceService, {
      address,
      peer: 'rules',
      tls: (await testCertificates()).of('intent'),
      serviceConfig: 'proto/paymesh/rules/v1/rules_service_config.json',
    })
    await assert.rejects(client.decide(DecideRequest.fromPartial({ facts })), (error) => {
      return (
        error instanceof RpcError && error.code === status.FAILED_PRECONDITION && error.reason === 'NOTHING_PUBLISHED'
      )
    })
    client.close()
    const metrics = await (await fetch(`http://${adminAddress}/metrics`)).text()
    assert.match(metrics, /^paymesh_rules_version\{.*\} 0$/m)
    rules.terminate()
    assert.equal(await rules.exitCode(), 0)
  })

  it('names what is missing from its environment and leaves with 78', async () => {
    const { DATABASE_URL: _, ...variables } = await serviceVariables('rules', '')
    const rules = new TestProcess('services/rules/main.js', variables)
    assert.equal(await rules.exitCode(), 78)
    assert.match(rules.output, /DATABASE_URL is missing/)
  })
})
