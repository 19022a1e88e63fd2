import { z } from 'zod'
import { databaseEnvironment, parseConfig, serviceEnvironment } from '../runtime/config.js'
import { keyBytes } from './keyring.js'
import { Secret } from './secret.js'

const key = z
  .string()
  // Strict, since Buffer.from skips what is not base64: a mistyped key would be another key, silently.
  .regex(/^[A-Za-z0-9+/]{43}=$/, `must be ${keyBytes} bytes in base64`)
  .transform((text) => new Secret(Buffer.from(text, 'base64'), 'key'))

const namedKey = /^([a-z0-9-]{1,63}):(.*)$/

const namedKeys = z.string().transform((text, context) => {
  const found = new Map<string, Secret<Buffer>>()
  for (const entry of text.split(',')) {
    const [, id, encoded] = namedKey.exec(entry) ?? []
    const parsed = key.safeParse(encoded)
    if (id === undefined || !parsed.success || found.has(id)) {
      const message = `must be id:key[,id:key…], each id once, every key ${keyBytes} bytes in base64`
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    }
    found.set(id, parsed.data)
  }
  return Array.from(found, ([id, value]) => ({ id, key: value }))
})

/** What Identity reads from its environment. */
export const identityEnvironment = z.object({
  ...serviceEnvironment,
  ...databaseEnvironment,
  /** Where the edge fetches the key set: HTTP/2 with mutual TLS. */
  HTTP_ADDRESS: z.string().regex(/^.+:\d{1,5}$/, 'must be host:port'),
  /** The `iss` of access tokens, and the address below which discovery is found from outside. */
  TOKEN_ISSUER: z.url(),
  TOKEN_AUDIENCE: z.string().default('paymesh'),
  /** "id:base64 of 32 bytes[,…]". The first encrypts, every one decrypts. */
  KEY_ENCRYPTION_KEYS: namedKeys,
  /** Base64 of 32 bytes. For ever: what was indexed under another key is not found. */
  BLIND_INDEX_KEY: key,
})

export type IdentityConfig = Readonly<z.infer<typeof identityEnvironment>>

export function readConfig(env: NodeJS.ProcessEnv): IdentityConfig {
  return parseConfig(identityEnvironment, env)
}
