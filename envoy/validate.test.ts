import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { envoyProgram } from '../dev/programs.js'
import { testCertificates, testFolder } from '../dev/testing.js'
import { assetPath } from '../services/runtime/assets.js'
import { edgeConfig } from './edge.js'
import { type EdgeOptions, type EdgeProfile } from './edge-options.js'

const run = promisify(execFile)

/** Has Envoy itself read a configuration, and answers what it says. */
async function validate(change: Partial<EdgeOptions>): Promise<string> {
  const folder = testFolder()
  const { certFile, keyFile, caFile } = (await testCertificates()).of('edge')
  const pair = { tls_certificate: { certificate_chain: { filename: certFile }, private_key: { filename: keyFile } } }
  const secrets = {
    edge_cert: pair,
    public_cert: pair,
    mesh_ca: { validation_context: { trusted_ca: { filename: caFile } } },
  }
  for (const [name, secret] of Object.entries(secrets)) {
    const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret'
    writeFileSync(join(folder, `${name}.yaml`), JSON.stringify({ resources: [{ '@type': type, name, ...secret }] }))
  }
  const config = edgeConfig({
    listenAddress: '0.0.0.0',
    httpPort: 8080,
    httpsPort: 8443,
    adminPort: 9901,
    services: {
      ledger: { host: 'ledger', port: 50051 },
      rules: { host: 'rules', port: 50051 },
      identity: { host: 'identity', port: 50051, httpPort: 50052 },
      connector: { host: 'connector', port: 50051, httpPort: 50052 },
      intent: { host: 'intent', port: 50051 },
    },
    descriptorPath: assetPath('gen/paymesh.binpb'),
    openApiPath: assetPath('docs/openapi.json'),
    sdsFolder: folder,
    tokenIssuer: 'https://pay.example',
    tokenAudience: 'paymesh',
    profile: 'public',
    corsOrigins: [],
    ...change,
  })
  const file = join(folder, 'envoy.json')
  writeFileSync(file, JSON.stringify(config))
  const { tree, path } = envoyProgram()
  const { stdout, stderr } = await run(join(tree, path), ['--mode', 'validate', '-c', file])
  return stdout + stderr
}

describe('Envoy accepts the edge’s configuration', () => {
  for (const profile of ['public', 'demo'] satisfies EdgeProfile[]) {
    it(`of the profile ${profile}`, async () => {
      assert.match(await validate({ profile }), /OK/)
    })
  }

  it('with origins of browsers', async () => {
    assert.match(await validate({ corsOrigins: ['https://app.example', 'http://localhost:3000'] }), /OK/)
  })

  it('and refuses one that it cannot serve', async () => {
    await assert.rejects(validate({ descriptorPath: assetPath('package.json') }))
  })
})
