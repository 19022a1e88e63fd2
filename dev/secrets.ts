import { createHmac, randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { LaunchError } from './launch-error.js'
import { replaceFile } from './replace-file.js'

const schema = z.object({
  /** Passwords of PostgreSQL's roles, by role. */
  databasePasswords: z.object({
    postgres: z.string(),
    ledger: z.string(),
    rules: z.string(),
    identity: z.string(),
    connector: z.string(),
    intent: z.string(),
  }),
  valkeyPassword: z.string(),
  /** Identity's, base64 of 32 bytes each. */
  keyEncryptionKey: z.string(),
  blindIndexKey: z.string(),
  /** With which the operator user signs in at the edge. */
  operatorPassword: z.string(),
  /** With which the Interledger peer `demo` signs in at /ilp. */
  demoPeerToken: z.string(),
})

/** What nobody outside this machine may know. */
export type Secrets = z.infer<typeof schema>

/** The secrets of a state folder: random, made once, readable by their owner only. */
export function openSecrets(stateFolder: string): Secrets {
  const file = join(stateFolder, 'secrets.json')
  if (!existsSync(file)) replaceFile(file, `${JSON.stringify(makeSecrets(), undefined, 2)}\n`, 0o600)
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    throw new LaunchError(`${file} is damaged or of another version. Run \`make reset\`.`, { cause: error })
  }
}

/**
 * A key of a process's own, drawn from the one that a state folder has, so that a process more needs no new state
 * folder: base64 of 32 bytes.
 */
export function keyFor(purpose: string, { keyEncryptionKey }: Secrets): string {
  return createHmac('sha256', Buffer.from(keyEncryptionKey, 'base64')).update(purpose).digest('base64')
}

function makeSecrets(): Secrets {
  // Letters and digits only: they stand in URLs and configuration files.
  const word = (): string => randomBytes(24).toString('hex')
  const key = (): string => randomBytes(32).toString('base64')
  return {
    databasePasswords: {
      postgres: word(),
      ledger: word(),
      rules: word(),
      identity: word(),
      connector: word(),
      intent: word(),
    },
    valkeyPassword: word(),
    keyEncryptionKey: key(),
    blindIndexKey: key(),
    operatorPassword: word(),
    demoPeerToken: word(),
  }
}
