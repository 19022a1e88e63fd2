// `npm run identity -- COMMAND`: Identity's commands for operators, against the mesh that `make up` runs, or against whatever
// DATABASE_URL and KEY_ENCRYPTION_KEYS name.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { checkout } from './checkout.js'
import { openRunningMesh } from './mesh-access.js'
import { STATE_FOLDER } from './state-folder.js'
import { runCommand } from './terminal.js'

function meshEnvironment(): Record<string, string> {
  const { ports, secrets } = openRunningMesh(STATE_FOLDER)
  const password = secrets.databasePasswords.identity
  return {
    DATABASE_URL: `postgres://identity:${password}@127.0.0.1:${ports.postgres}/identity`,
    KEY_ENCRYPTION_KEYS: `dev-1:${secrets.keyEncryptionKey}`,
  }
}

await runCommand(() => {
  const env = { ...(process.env['DATABASE_URL'] === undefined ? meshEnvironment() : {}), ...process.env }
  const command = process.argv[2] === 'rewrap-data-keys' ? 'rewrap-command.js' : 'signing-key-command.js'
  const program = join(checkout, 'dist', 'services', 'identity', command)
  const { status } = spawnSync(process.execPath, [program, ...process.argv.slice(2)], { env, stdio: 'inherit' })
  process.exitCode = status ?? 1
  return Promise.resolve()
})
