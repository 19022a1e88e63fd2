import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { assetPath } from './assets.js'
import { descriptorImage } from './descriptor-image.js'
import { readServiceConfig } from './service-config.js'

const retrySchema = z.object({
  maxAttempts: z.number().int().min(2).max(3),
  initialBackoff: z.string(),
  maxBackoff: z.string(),
  backoffMultiplier: z.number(),
  retryableStatusCodes: z.tuple([z.literal('UNAVAILABLE')]),
})
const fileSchema = z.object({
  methodConfig: z.array(
    z.strictObject({
      name: z.array(z.strictObject({ service: z.string(), method: z.string() })),
      timeout: z.string(),
      retryPolicy: retrySchema.optional(),
    }),
  ),
})

const services = [...descriptorImage().registry]
  .filter((desc) => desc.kind === 'service')
  .filter(({ typeName }) => /^(paymesh|envoy)\./.test(typeName))
const packages = [...new Set(services.map(({ file }) => file.proto.package))].filter((name) =>
  name.startsWith('paymesh.'),
)

/** Envoy's contracts stand in the config of the service that serves them. */
const servedFor: Readonly<Record<string, string>> = {
  'envoy.service.auth.v3': 'paymesh.identity.v1',
  'envoy.service.ratelimit.v3': 'paymesh.rules.v1',
}

/** Calls that may be sent again without a request id of their own because the thing they name is made once. */
const idempotentByName = [
  'CreateAccount',
  'CreateAccounts',
  'CreateTransfers',
  'CreateAsset',
  'EnsureLimitAccount',
  'FreezeAccount',
  'UnfreezeAccount',
  'CloseAccount',
  'TakeSnapshot',
  'FreezeWallet',
  'UnfreezeWallet',
  'CloseWallet',
  'AddKey',
  'DisableClient',
  'EnableClient',
]
const reads = /^(Query|Get|List|Lookup|Preview|Decide|Diff|Validate|Try)/

for (const name of packages) {
  const [, service] = name.split('.')
  const path = `proto/paymesh/${service}/v1/${service}_service_config.json`

  describe(`the service config of ${name}`, () => {
    it('exists', () => {
      assert.ok(existsSync(assetPath(path)))
    })

    const paths = services
      .filter(({ file }) => (servedFor[file.proto.package] ?? file.proto.package) === name)
      .flatMap(({ typeName, methods }) => methods.map((method) => ({ method, path: `/${typeName}/${method.name}` })))

    it('gives every unary method a timeout, and names no method that is not', () => {
      const { timeoutsMs } = readServiceConfig(path)
      const unary = paths.filter(({ method }) => method.methodKind === 'unary').map((entry) => entry.path)
      assert.deepEqual([...timeoutsMs.keys()].sort(), unary.sort())
      for (const timeoutMs of timeoutsMs.values()) assert.ok(timeoutMs > 0 && timeoutMs <= 30_000)
    })

    it('retries UNAVAILABLE alone, and only what may be sent twice', () => {
      const { methodConfig } = fileSchema.parse(JSON.parse(readFileSync(assetPath(path), 'utf8')))
      for (const { name: names, retryPolicy } of methodConfig) {
        for (const { service: owner, method: methodName } of names) {
          const { method } = paths.find((entry) => entry.path === `/${owner}/${methodName}`)!
          const repeatable =
            reads.test(methodName) ||
            method.input.fields.some(({ name: field }) => field === 'request_id') ||
            idempotentByName.includes(methodName)
          assert.equal(retryPolicy !== undefined, repeatable, methodName)
        }
      }
    })
  })
}
