// The only reader of the environment.
import { z } from 'zod'
import { databaseEnvironment, parseConfig, serviceEnvironment, tlsFiles, valkeyEnvironment } from '../runtime/config.js'
import { namedKeys } from '../runtime/key-config.js'
import { type TlsFiles } from '../runtime/mesh-credentials.js'
import { type Network, networkFrom } from '../runtime/network.js'
import { Secret } from '../runtime/secret.js'
import { type CrashPoint, crashPoints, topUpCrashPoints } from './crash-points.js'
import { type ScoringProvider } from './decisions/scoring-client.js'
import { type HttpProviderOptions } from './providers/http-provider.js'
import { insecureVariables, missingVariables, providersFrom, providerVariables } from './providers/provider-config.js'

/** All that the Intent service is told by its environment. */
export interface Config {
  readonly isDevelopment: boolean
  readonly listenAddress: string
  readonly adminAddress: string
  readonly tls: TlsFiles
  readonly databaseUrl: string
  readonly databasePoolMax: number
  /** A replica of the database, for lists and sums; undefined when they are read from the database itself. */
  readonly readDatabaseUrl: string | undefined
  readonly ledgerAddress: string
  /** The namespace of account ids; the same as the Ledger's. */
  readonly ledgerNamespace: string
  readonly rulesAddress: string
  /** Which payments several Rules nodes have to agree about; undefined: none. */
  readonly rulesQuorum: RulesQuorum | undefined
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

export interface RulesQuorum {
  /** The nodes beside the one at `rulesAddress`. */
  readonly validatorAddresses: readonly string[]
  /** How many of all nodes have to agree: more than half. */
  readonly size: number
  /** From which amount on, in minor units: of every asset, or of each that is named. */
  readonly leastMinor: bigint | ReadonlyMap<string, bigint>
}

const minorUnits = z
  .string()
  .regex(/^\d{1,19}$/)
  .transform((text) => BigInt(text))
const amountsShape = z.record(z.string().regex(/^[A-Z0-9]{1,16}$/), minorUnits)
const leastAmount = z.string().transform((text, context): RulesQuorum['leastMinor'] => {
  const one = minorUnits.safeParse(text)
  if (one.success) return one.data
  const each = amountsShape.safeParse(jsonOf(text))
  if (each.success) return new Map(Object.entries(each.data))
  context.addIssue({ code: 'custom', message: 'must be minor units, or JSON: {"THB":"5000000",…}' })
  return z.NEVER
})

const addresses = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .pipe(z.array(serviceEnvironment.LISTEN_ADDRESS))

interface QuorumVariables {
  readonly RULES_VALIDATOR_ADDRESSES: readonly string[]
  readonly RULES_QUORUM?: number | undefined
  readonly RULES_QUORUM_MIN_AMOUNT?: RulesQuorum['leastMinor'] | undefined
}

/** Two answers that both have enough votes would be no answer. */
function isQuorumFit({ RULES_VALIDATOR_ADDRESSES: others, RULES_QUORUM: size }: QuorumVariables): boolean {
  const count = 1 + others.length
  return size === undefined ? others.length === 0 : size >= 2 && size <= count && 2 * size > count
}

export function quorumFrom({
  RULES_VALIDATOR_ADDRESSES: validatorAddresses,
  RULES_QUORUM: size,
  RULES_QUORUM_MIN_AMOUNT: leastMinor = 0n,
}: QuorumVariables): RulesQuorum | undefined {
  return size === undefined ? undefined : { validatorAddresses, size, leastMinor }
}

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

export const intentEnvironment = z
  .object({
    ...serviceEnvironment,
    ...databaseEnvironment,
    DATABASE_READ_URL: z.string().optional(),
    LEDGER_ADDRESS: serviceEnvironment.LISTEN_ADDRESS,
    LEDGER_NAMESPACE: z.string().default('paymesh'),
    RULES_ADDRESS: serviceEnvironment.LISTEN_ADDRESS,
    ...valkeyEnvironment,
    SCORING_PROVIDERS: scoringProviders.default([]),
    RULES_VALIDATOR_ADDRESSES: addresses.default([]),
    RULES_QUORUM: z
      .string()
      .regex(/^[1-9]\d?$/)
      .transform(Number)
      .optional(),
    RULES_QUORUM_MIN_AMOUNT: leastAmount.optional(),
    KEY_ENCRYPTION_KEYS: namedKeys,
    WEBHOOK_NETWORKS: networks.default([]),
    ...providerVariables,
    CRASH_AT: z.enum([...crashPoints, ...topUpCrashPoints]).optional(),
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
    for (const name of config.ENVIRONMENT === 'development' ? [] : insecureVariables(config)) {
      context.addIssue({ code: 'custom', path: [name], message: 'must be an https URL, except in development' })
    }
  })
  .refine(isQuorumFit, {
    path: ['RULES_QUORUM'],
    message: 'must be at least 2, at most all Rules nodes and more than half of them',
  })

/** The configuration of the service; ends the process with 78 when a variable is missing or wrong. */
export function readConfig(): Config {
  const config = parseConfig(intentEnvironment, process.env)
  return Object.freeze({
    isDevelopment: config.ENVIRONMENT === 'development',
    listenAddress: config.LISTEN_ADDRESS,
    adminAddress: config.ADMIN_ADDRESS,
    tls: tlsFiles(config),
    databaseUrl: config.DATABASE_URL,
    databasePoolMax: config.DATABASE_POOL_MAX,
    readDatabaseUrl: config.DATABASE_READ_URL,
    ledgerAddress: config.LEDGER_ADDRESS,
    ledgerNamespace: config.LEDGER_NAMESPACE,
    rulesAddress: config.RULES_ADDRESS,
    rulesQuorum: quorumFrom(config),
    valkeyUrl: config.VALKEY_URL,
    scoringProviders: config.SCORING_PROVIDERS,
    encryptionKeys: config.KEY_ENCRYPTION_KEYS,
    webhookNetworks: config.WEBHOOK_NETWORKS,
    providers: providersFrom(config),
    drainDelayMs: config.DRAIN_DELAY_MS,
    crashAt: config.CRASH_AT,
  })
}
