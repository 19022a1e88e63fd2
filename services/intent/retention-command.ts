// `npm run retention -- --older-than 180d`: says what may be forgotten; with `--apply` it forgets. docs/payments.md.
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { systemClock } from '../runtime/clock.js'
import { databaseEnvironment, parseConfig, processVariables } from '../runtime/config.js'
import { createPool } from '../runtime/postgres.js'
import { countOld, forgetOld, retentionKinds } from './intents/retention.js'

const usage = 'npm run retention -- --older-than <days>d [--apply] [--dead-letters] [--rows-max <count>]\n'
const dayMs = 86_400_000
// Providers repeat an answer for days, and their disputes come within weeks.
const daysMin = 30
const rowsMaxDefault = 1_000_000

const options = z.strictObject({
  'older-than': z.string().regex(/^\d{1,5}d$/),
  apply: z.boolean().default(false),
  'dead-letters': z.boolean().default(false),
  'rows-max': z
    .string()
    .regex(/^\d{1,9}$/)
    .default(String(rowsMaxDefault)),
})

const parsed = options.safeParse(
  parseArgs({
    strict: false,
    options: {
      'older-than': { type: 'string' },
      apply: { type: 'boolean' },
      'dead-letters': { type: 'boolean' },
      'rows-max': { type: 'string' },
    },
  }).values,
)
const days = parsed.success ? Number(parsed.data['older-than'].slice(0, -1)) : 0
if (!parsed.success || days < daysMin) {
  process.stderr.write(`${usage}At least ${daysMin} days.\n`)
  process.exitCode = 64
} else {
  await run(parsed.data)
}

async function run(chosen: z.infer<typeof options>): Promise<void> {
  const { DATABASE_URL } = parseConfig(z.object({ DATABASE_URL: databaseEnvironment.DATABASE_URL }), processVariables())
  const before = new Date(systemClock.nowMs() - days * dayMs)
  const rowsMax = Number(chosen['rows-max'])
  const pool = createPool({
    url: DATABASE_URL,
    max: 1,
    applicationName: 'intent-retention',
    statementTimeoutMs: 60_000,
  })
  const kinds = retentionKinds.filter((kind) => kind !== 'deadLetters' || chosen['dead-letters'])
  try {
    for (const kind of kinds) {
      const count = await (chosen.apply ? forgetOld : countOld)(pool, kind, before, rowsMax)
      const more = count === rowsMax ? ', and perhaps more: run it again' : ''
      process.stdout.write(
        `${kind} before ${before.toISOString()}: ${count} ${chosen.apply ? 'forgotten' : 'to forget'}${more}\n`,
      )
    }
  } finally {
    await pool.end()
  }
}
