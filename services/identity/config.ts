import { z } from 'zod'
import { databaseEnvironment, parseConfig, serviceEnvironment } from '../runtime/config.js'
import { encryptionKey, namedKeys } from '../runtime/key-config.js'

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
  BLIND_INDEX_KEY: encryptionKey,
})

export type IdentityConfig = Readonly<z.infer<typeof identityEnvironment>>

export function readConfig(env: NodeJS.ProcessEnv): IdentityConfig {
  return parseConfig(identityEnvironment, env)
}
