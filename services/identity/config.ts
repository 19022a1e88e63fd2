import { z } from 'zod'
import { databaseEnvironment, parseConfig, serviceEnvironment } from '../runtime/config.js'
import { encryptionKey, namedKeys } from '../runtime/key-config.js'

/** What Identity reads from its environment. */
const variables = z.object({
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
  /** How many days a signing key signs before the next one takes its place. */
  SIGNING_KEY_DAYS: z
    .string()
    .regex(/^[1-9]\d{0,2}$/, 'must be 1 to 999')
    .transform(Number)
    .default(30),
  /** Who delivers codes and notices to people: POST, signed with NOTIFICATION_KEY. */
  NOTIFICATION_URL: z.url({ protocol: /^https?$/ }).optional(),
  NOTIFICATION_KEY: encryptionKey.optional(),
  /** Who checks documents of KYC cases: POST, signed with KYC_PROVIDER_KEY. Without it people decide unaided. */
  KYC_PROVIDER_URL: z.url({ protocol: /^https?$/ }).optional(),
  KYC_PROVIDER_KEY: encryptionKey.optional(),
  /** Instead, in development: the file to which they are appended. */
  NOTIFICATION_FILE: z.string().optional(),
})

/** Whoever cannot be told a code can't register: so one way to tell is required, and only a proper one in production. */
export const identityEnvironment = variables.superRefine((given, context) => {
  const problem = notificationProblem(given) ?? kycProblem(given)
  if (problem !== undefined) context.addIssue({ code: 'custom', path: [problem.variable], message: problem.message })
})

function notificationProblem(given: z.output<typeof variables>): { variable: string; message: string } | undefined {
  const { ENVIRONMENT, NOTIFICATION_URL: url, NOTIFICATION_KEY: key, NOTIFICATION_FILE: file } = given
  if (file !== undefined && ENVIRONMENT === 'production') {
    return { variable: 'NOTIFICATION_FILE', message: 'is for development; set NOTIFICATION_URL' }
  }
  if (file !== undefined && url !== undefined)
    return { variable: 'NOTIFICATION_FILE', message: 'not with NOTIFICATION_URL' }
  if (file !== undefined) return undefined
  if (url === undefined) return { variable: 'NOTIFICATION_URL', message: 'is missing' }
  if (ENVIRONMENT === 'production' && !url.startsWith('https:')) {
    return { variable: 'NOTIFICATION_URL', message: 'must be https in production' }
  }
  return key === undefined ? { variable: 'NOTIFICATION_KEY', message: 'is missing' } : undefined
}

function kycProblem(given: z.output<typeof variables>): { variable: string; message: string } | undefined {
  const { ENVIRONMENT, KYC_PROVIDER_URL: url, KYC_PROVIDER_KEY: key } = given
  if (url === undefined) return undefined
  if (ENVIRONMENT === 'production' && !url.startsWith('https:')) {
    return { variable: 'KYC_PROVIDER_URL', message: 'must be https in production' }
  }
  return key === undefined ? { variable: 'KYC_PROVIDER_KEY', message: 'is missing' } : undefined
}

export type IdentityConfig = Readonly<z.infer<typeof identityEnvironment>>

export function readConfig(env: NodeJS.ProcessEnv): IdentityConfig {
  return parseConfig(identityEnvironment, env)
}
