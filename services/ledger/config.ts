import { z } from 'zod'
import { databaseEnvironment, parseConfig, serviceEnvironment } from '../runtime/config.js'

const schema = z.object({
  ...serviceEnvironment,
  ...databaseEnvironment,
  /** What account ids are derived with. Changing it on a ledger that has accounts loses their names. */
  LEDGER_NAMESPACE: z.string().default('paymesh'),
})

export type LedgerConfig = Readonly<z.infer<typeof schema>>

/** Reads the environment; ends the process with one sentence when something is missing or wrong. */
export function readConfig(): LedgerConfig {
  return parseConfig(schema, process.env)
}

/** A PostgreSQL server on which a replay may create databases, as the URL of any database there. */
export function readReplayDatabaseUrl(): string {
  return parseConfig(z.object({ DATABASE_URL: databaseEnvironment.DATABASE_URL }), process.env).DATABASE_URL
}

/** A folder with the certificates of the peers `ledger` and `operator` and with ca.crt, for a replay through gRPC. */
export function readReplayTlsFolder(): string {
  return parseConfig(z.object({ TLS_FOLDER: z.string() }), process.env).TLS_FOLDER
}
