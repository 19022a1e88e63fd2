import { z } from 'zod'
import {
  checkConfig,
  type CheckedConfig,
  databaseEnvironment,
  parseConfig,
  serviceEnvironment,
} from '../runtime/config.js'

// The client takes numbers and no names: 127.0.0.1:3000 or [::1]:3000, one a replica.
const replicaAddress = /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\]):\d{1,5}$/
const replicasMax = 6

const clusterEnvironment = {
  TIGERBEETLE_ADDRESSES: z
    .string()
    .transform((text) => text.split(',').map((address) => address.trim()))
    .refine((addresses) => addresses.length <= replicasMax && addresses.every((one) => replicaAddress.test(one)), {
      message: `must be 1 to ${replicasMax} of ip:port, separated by commas`,
    })
    .default([]),
  TIGERBEETLE_CLUSTER_ID: z
    .string()
    .regex(/^\d{1,38}$/, 'must be a whole number')
    .default('0')
    .transform(BigInt),
}

const schema = z
  .object({
    ...serviceEnvironment,
    ...databaseEnvironment,
    /** What account ids are derived with. Changing it on a ledger that has accounts loses their names. */
    LEDGER_NAMESPACE: z.string().default('paymesh'),
    /** Where the books are. Books don't move between the two. */
    LEDGER_ENGINE: z.enum(['postgres', 'tigerbeetle']).default('postgres'),
    ...clusterEnvironment,
  })
  .refine((config) => config.LEDGER_ENGINE === 'postgres' || config.TIGERBEETLE_ADDRESSES.length > 0, {
    path: ['TIGERBEETLE_ADDRESSES'],
  })

export type LedgerConfig = Readonly<z.infer<typeof schema>>

/** Reads the environment; ends the process with one sentence when something is missing or wrong. */
export function readConfig(): LedgerConfig {
  return parseConfig(schema, process.env)
}

/** A PostgreSQL server on which a replay may create databases, as the URL of any database there. */
export function readReplayDatabaseUrl(): CheckedConfig<{ DATABASE_URL: string }> {
  return checkConfig(z.object({ DATABASE_URL: databaseEnvironment.DATABASE_URL }), process.env)
}

/** A TigerBeetle cluster to replay on; no addresses where none is given. */
export function readReplayCluster(): CheckedConfig<
  Pick<LedgerConfig, 'TIGERBEETLE_ADDRESSES' | 'TIGERBEETLE_CLUSTER_ID'>
> {
  return checkConfig(z.object(clusterEnvironment), process.env)
}

/** A folder with the certificates of the peers `ledger` and `operator` and with ca.crt, for a replay through gRPC. */
export function readReplayTlsFolder(): CheckedConfig<{ TLS_FOLDER: string }> {
  return checkConfig(z.object({ TLS_FOLDER: z.string() }), process.env)
}
