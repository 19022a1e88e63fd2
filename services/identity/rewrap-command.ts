// `npm run identity -- rewrap-data-keys`: wraps everything anew under the first key of KEY_ENCRYPTION_KEYS, while Identity runs.
// docs/identity.md, Key-encryption keys. Prints progress; may be stopped and started again. Exit 1: something is left under another key.
//
// Reads DATABASE_URL and KEY_ENCRYPTION_KEYS.
import { z } from 'zod'
import { systemClock } from '../runtime/clock.js'
import { databaseEnvironment, parseConfig, processVariables } from '../runtime/config.js'
import { namedKeys } from '../runtime/key-config.js'
import { Keyring } from '../runtime/keyring.js'
import { createPool } from '../runtime/postgres.js'
import { whoInside } from './audit/audit-who.js'
import { leftUnder, rewrap } from './vault/rewrapping.js'

const environment = z.object({ DATABASE_URL: databaseEnvironment.DATABASE_URL, KEY_ENCRYPTION_KEYS: namedKeys })
const { DATABASE_URL, KEY_ENCRYPTION_KEYS } = parseConfig(environment, processVariables())
const keyring = new Keyring(KEY_ENCRYPTION_KEYS)
const pool = createPool({ url: DATABASE_URL, max: 2, applicationName: 'identity-rewrap' })
try {
  for await (const progress of rewrap({ pool, keyring, clock: systemClock, who: whoInside('command') })) {
    process.stdout.write(`${progress.table}: ${progress.rewrappedCount} rewrapped under ${keyring.wrappingKeyId}\n`)
  }
  const left = await leftUnder({ pool, keyring })
  for (const { table, keyId, count } of left) {
    process.stderr.write(
      `${table}: ${count} under ${keyId}, made meanwhile. Is ${keyring.wrappingKeyId} first everywhere? Run it again.\n`,
    )
  }
  if (left.length === 0) process.stdout.write(`Everything is under ${keyring.wrappingKeyId}; the other keys may go.\n`)
  else process.exitCode = 1
} finally {
  await pool.end()
}
