// The only reader of the environment.
import { z } from 'zod'
import { databaseEnvironment, parseConfig, serviceEnvironment, tlsFiles } from '../runtime/config.js'
import { namedKeys } from '../runtime/key-config.js'
import { type TlsFiles } from '../runtime/mesh-credentials.js'
import { Secret } from '../runtime/secret.js'
import { type Network, networkFrom } from './address-guard.js'
import { type CrashPoint, crashPoints } from './crash-points.js'
import { type ScoringProvider } from './scoring-client.js'
import { type HttpProviderOptions } from './providers/http-provider.js'
import { missingVariables, providersFrom, providerVariables } from './providers/provider-config.js'

/** All that the Intent service is told by its environment. */
export interface Config {
  readonly isDevelopment: boolean
  readonly listenAddress: string
  readonly adminAddress: string
  readonly tls: TlsFiles
  readonly databaseUrl: string
  readonly databasePoolMax: number
  readonly ledgerAddress: string
  /** The namespace of account ids; the same as the Ledger's. */
  readonly ledgerNamespace: string
  readonly rulesAddress: string
  readonly valkeyUrl: string
  /** Whom rule sets may have asked for scores. */
  readonly scoringProviders: readonly ScoringProvider[]
  /** What seals the secrets of webhooks: the first seals, all open. */
  readonly encryptionKeys: readonly { readonly id: string; readonly key: Secret<Buffer> }[]
  /** Networks that webhooks may reach although they are not public. */
  readonly webhookNetworks: readonly Network[]
  /** The providers that this process may ask; channels of the others it does not have. */
  readonly providers: readonly HttpProviderOptions[]
  readonly drainDelayMs: number
  /** Where the process kills itself: for tests, in development only. */
  readonly crashAt: CrashPoint | undefined
}

const networks = z.string().transform((text, context) => {
  const found = text.split(',').map((part) => networkFrom(part.trim()))
  const known = found.filter((network) => network !== undefined)
  if (known.length === found.length) return known
  context.addIssue({ code: 'custom', message: 'must be networks such as 10.1.0.0/16, separated by commas' })
  return z.NEVER
})

const scoringProviders = z.string().transform((text, context): ScoringProvider[] => {
  const parsed = providersShape.safeParse(jsonOf(text))
  if (parsed.success) {
    return Object.entries(parsed.data).map(([name, { url, key }]) => ({ name, url, key: new Secret(key, 'key') }))
  }
  context.addIssue({ code: 'custom', message: 'must be JSON: {"name":{"url":"https://…","key":"…"},…}' })
  return z.NEVER
})
const providersShape = z.record(
  z.string().regex(/^[a-z][a-z0-9-]{0,31}$/),
  z.strictObject({ url: z.url({ protocol: /^https?$/ }), key: z.string().regex(/^[\x21-\x7e]{1,4096}$/) }),
)

/** Undefined for what is no JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isSecure({ url }: ScoringProvider): boolean {
  return url.startsWith('https:')
}

const environment = z
  .object({
    ...serviceEnvironment,
    ...databaseEnvironment,
    LEDGER_ADDRESS: serviceEnvironment.LISTEN_ADDRESS,
    LEDGER_NAMESPACE: z.string().default('paymesh'),
    RULES_ADDRESS: serviceEnvironment.LISTEN_ADDRESS,
    VALKEY_URL: z.url({ protocol: /^rediss?$/ }),
    SCORING_PROVIDERS: scoringProviders.default([]),
    KEY_ENCRYPTION_KEYS: namedKeys,
    WEBHOOK_NETWORKS: networks.default([]),
    ...providerVariables,
    CRASH_AT: z.enum(crashPoints).optional(),
  })
  .refine((config) => config.CRASH_AT === undefined || config.ENVIRONMENT === 'development', {
    path: ['CRASH_AT'],
    message: 'is for development only',
  })
  .refine((config) => config.ENVIRONMENT === 'development' || config.SCORING_PROVIDERS.every(isSecure), {
    path: ['SCORING_PROVIDERS'],
    message: 'must have https URLs, except in development',
  })
  .superRefine((config, context) => {
    for (const name of missingVariables(config)) {
      context.addIssue({ code: 'custom', path: [name], message: 'is needed beside the others of its provider' })
    }
  })

/** The configuration of the service; ends the process with 78 when a variable is missing or wrong. */
export function readConfig(): Config {
  const config = parseConfig(environment, process.env)
  return Object.freeze({
    isDevelopment: config.ENVIRONMENT === 'development',
    listenAddress: config.LISTEN_ADDRESS,
    adminAddress: config.ADMIN_ADDRESS,
    tls: tlsFiles(config),
    databaseUrl: config.DATABASE_URL,
    databasePoolMax: config.DATABASE_POOL_MAX,
    ledgerAddress: config.LEDGER_ADDRESS,
    ledgerNamespace: config.LEDGER_NAMESPACE,
    rulesAddress: config.RULES_ADDRESS,
    valkeyUrl: config.VALKEY_URL,
    scoringProviders: config.SCORING_PROVIDERS,
    encryptionKeys: config.KEY_ENCRYPTION_KEYS,
    webhookNetworks: config.WEBHOOK_NETWORKS,
    providers: providersFrom(config),
    drainDelayMs: config.DRAIN_DELAY_MS,
    crashAt: config.CRASH_AT,
  })
}
