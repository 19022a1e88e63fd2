// The only reader of the environment.
import { z } from 'zod'
import { databaseEnvironment, parseConfig, serviceEnvironment, tlsFiles } from '../runtime/config.js'
import { type TlsFiles } from '../runtime/mesh-credentials.js'
import { type CrashPoint, crashPoints } from './crash-points.js'

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
  readonly drainDelayMs: number
  /** Where the process kills itself: for tests, in development only. */
  readonly crashAt: CrashPoint | undefined
}

const environment = z
  .object({
    ...serviceEnvironment,
    ...databaseEnvironment,
    LEDGER_ADDRESS: serviceEnvironment.LISTEN_ADDRESS,
    LEDGER_NAMESPACE: z.string().default('paymesh'),
    RULES_ADDRESS: serviceEnvironment.LISTEN_ADDRESS,
    VALKEY_URL: z.url({ protocol: /^rediss?$/ }),
    CRASH_AT: z.enum(crashPoints).optional(),
  })
  .refine((config) => config.CRASH_AT === undefined || config.ENVIRONMENT === 'development', {
    path: ['CRASH_AT'],
    message: 'is for development only',
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
    drainDelayMs: config.DRAIN_DELAY_MS,
    crashAt: config.CRASH_AT,
  })
}
