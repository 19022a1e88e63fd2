import { z } from 'zod'
import { assetPath } from './assets.js'
import { databaseEnvironment, parseConfig, processVariables } from './config.js'
import { migrate, MigrationError } from './migrations.js'
import type { PeerName } from './peer-identity.js'

/**
 * What `migrate.ts` of a service does: brings the database of DATABASE_URL forward and prints one line. Exits 78
 * when the variable is missing, and 1 with one sentence when the database and the files do not fit together.
 */
export async function runMigrations(service: PeerName): Promise<void> {
  const { DATABASE_URL } = parseConfig(z.object({ DATABASE_URL: databaseEnvironment.DATABASE_URL }), processVariables())
  try {
    const applied = await migrate(DATABASE_URL, assetPath(`services/${service}/migrations`))
    const what = applied.length === 0 ? 'nothing to migrate' : `applied ${applied.join(', ')}`
    process.stdout.write(`${service}: ${what}\n`)
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error
    process.stderr.write(`${service}: ${error.message}\n`)
    process.exitCode = 1
  }
}
