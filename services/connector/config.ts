import { z } from 'zod'
import { databaseEnvironment, parseConfig, serviceEnvironment, tlsFiles } from '../runtime/config.js'
import type { TlsFiles } from '../runtime/mesh-credentials.js'
import { isAddress } from './ilp/address.js'

/** All that the Connector is told by its environment. */
export interface Config {
  readonly isDevelopment: boolean
  readonly listenAddress: string
  readonly httpAddress: string
  readonly adminAddress: string
  readonly tls: TlsFiles
  readonly databaseUrl: string
  readonly databasePoolMax: number
  readonly drainDelayMs: number
  /** The node's own ILP address, such as `test.paymesh`; that of every peer begins with it. */
  readonly ilpAddress: string
}

const environment = {
  ...serviceEnvironment,
  ...databaseEnvironment,
  HTTP_ADDRESS: serviceEnvironment.LISTEN_ADDRESS,
  // Peers' addresses add a dot and at most 64 characters, and receivers under them much more.
  ILP_ADDRESS: z
    .string()
    .max(512)
    .refine((address) => isAddress(address) && !/^(peer|self)\./.test(address), 'must be an ILP address of a node'),
}

/** The configuration of the service; ends the process with 78 when a variable is missing or wrong. */
export function readConfig(): Config {
  const config = parseConfig(z.object(environment), process.env)
  return Object.freeze({
    isDevelopment: config.ENVIRONMENT === 'development',
    listenAddress: config.LISTEN_ADDRESS,
    httpAddress: config.HTTP_ADDRESS,
    adminAddress: config.ADMIN_ADDRESS,
    tls: tlsFiles(config),
    databaseUrl: config.DATABASE_URL,
    databasePoolMax: config.DATABASE_POOL_MAX,
    drainDelayMs: config.DRAIN_DELAY_MS,
    ilpAddress: config.ILP_ADDRESS,
  })
}
