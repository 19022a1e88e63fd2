import { z } from 'zod'
import { databaseEnvironment, parseConfig, serviceEnvironment, tlsFiles, valkeyEnvironment } from '../runtime/config.js'
import type { TlsFiles } from '../runtime/mesh-credentials.js'

/** All that the Rules service is told by its environment. */
export interface Config {
  readonly isDevelopment: boolean
  readonly listenAddress: string
  readonly adminAddress: string
  readonly tls: TlsFiles
  readonly databaseUrl: string
  readonly databasePoolMax: number
  /** Where requests are counted. */
  readonly valkeyUrl: string
  readonly drainDelayMs: number
}

/** The configuration of the service; ends the process with 78 when a variable is missing or wrong. */
export function readConfig(): Config {
  const config = parseConfig(
    z.object({ ...serviceEnvironment, ...databaseEnvironment, ...valkeyEnvironment }),
    process.env,
  )
  return Object.freeze({
    isDevelopment: config.ENVIRONMENT === 'development',
    listenAddress: config.LISTEN_ADDRESS,
    adminAddress: config.ADMIN_ADDRESS,
    tls: tlsFiles(config),
    databaseUrl: config.DATABASE_URL,
    databasePoolMax: config.DATABASE_POOL_MAX,
    valkeyUrl: config.VALKEY_URL,
    drainDelayMs: config.DRAIN_DELAY_MS,
  })
}

/** The one variable that publishing needs. */
export function readDatabaseUrl(): string {
  return parseConfig(z.object({ DATABASE_URL: databaseEnvironment.DATABASE_URL }), process.env).DATABASE_URL
}
