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
