// `npm run identity -- COMMAND`: what operators ask of Identity from a shell. docs/identity.md, Signing keys.
//
//   list-signing-keys
//   rotate-signing-key [--algorithm EdDSA|ES256] [--compromised]
//   republish-signing-key KID
//
// rewrap-data-keys is in rewrap-command.ts.
//
// Reads DATABASE_URL and KEY_ENCRYPTION_KEYS. Called wrongly: exit 64 (EX_USAGE).
import type pg from 'pg'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { systemClock } from '../runtime/clock.js'
import { databaseEnvironment, parseConfig, processVariables } from '../runtime/config.js'
import { namedKeys } from '../runtime/key-config.js'
import { Keyring } from '../runtime/keyring.js'
import { createPool } from '../runtime/postgres.js'
import { whoInside } from './audit/audit-who.js'
import { signingKeyStates } from './tokens/signing-key.js'
import { publishLeadMs, rotateSigningKey, verifyTailMs } from './tokens/signing-key-rotation.js'
import { SigningKeyStore } from './tokens/signing-key-store.js'

const usage = [
  'Usage: npm run identity -- list-signing-keys',
  '       npm run identity -- rotate-signing-key [--algorithm EdDSA|ES256] [--compromised]',
  '       npm run identity -- republish-signing-key KID',
  '       npm run identity -- rewrap-data-keys',
  '',
].join('\n')

const commandSchema = z.union([
  z.object({ command: z.tuple([z.literal('list-signing-keys')]) }),
  z.object({
    command: z.tuple([z.literal('rotate-signing-key')]),
    algorithm: z.enum(['EdDSA', 'ES256']).default('EdDSA'),
    compromised: z.boolean().default(false),
  }),
  z.object({ command: z.tuple([z.literal('republish-signing-key'), z.string().regex(/^[A-Za-z0-9_-]{43}$/)]) }),
])
type Command = z.infer<typeof commandSchema>

// A key id may begin with a dash and is no option for it.
const args = process.argv.slice(2)
if (args[0] === 'republish-signing-key' && args[1] !== '--') args.splice(1, 0, '--')
const { values, positionals } = parseArgs({
  args,
  strict: false,
  allowPositionals: true,
  options: { algorithm: { type: 'string' }, compromised: { type: 'boolean' } },
})
const parsed = commandSchema.safeParse({ command: positionals, ...values })
if (parsed.success) {
  await run(parsed.data)
} else {
  process.stderr.write(usage)
  process.exitCode = 64
}

async function run(command: Command): Promise<void> {
  const environment = z.object({ DATABASE_URL: databaseEnvironment.DATABASE_URL, KEY_ENCRYPTION_KEYS: namedKeys })
  const { DATABASE_URL, KEY_ENCRYPTION_KEYS } = parseConfig(environment, processVariables())
  const pool = createPool({ url: DATABASE_URL, max: 1, applicationName: 'identity-keys' })
  try {
    await (command.command[0] === 'list-signing-keys' ? list(pool) : change(pool, command, KEY_ENCRYPTION_KEYS))
  } finally {
    await pool.end()
  }
}

async function change(pool: pg.Pool, command: Command, keys: ConstructorParameters<typeof Keyring>[0]): Promise<void> {
  const store = new SigningKeyStore(pool)
  const [, kid] = command.command
  if (kid !== undefined) {
    const nowMs = systemClock.nowMs()
    if (await store.republish(kid, nowMs + verifyTailMs, whoInside('command'), nowMs)) await list(pool)
    else fail(`There is no retired key ${kid}.`)
    return
  }
  if (!('algorithm' in command)) return
  const deps = { store, keyring: new Keyring(keys), clock: systemClock, who: whoInside('command') }
  const rotated = await rotateSigningKey(deps, command.algorithm, command.compromised)
  if (rotated.kind === 'underway') {
    fail('A next key is published already and will sign when its time comes.')
    return
  }
  const when = command.compromised ? 'now' : `in ${publishLeadMs / 1000} seconds`
  say(`The key ${rotated.key.kid} signs ${when}.`)
  await list(pool)
}

async function list(pool: pg.Pool): Promise<void> {
  for (const { key, state } of signingKeyStates(await new SigningKeyStore(pool).listAll(), systemClock.nowMs())) {
    const retires = key.retireTimeMs === undefined ? '' : `, until ${new Date(key.retireTimeMs).toISOString()}`
    say(`${key.kid} ${key.algorithm} ${state}: signs from ${new Date(key.signTimeMs).toISOString()}${retires}`)
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function fail(line: string): void {
  process.stderr.write(`${line}\n`)
  process.exitCode = 1
}
