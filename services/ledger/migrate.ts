import { z } from 'zod'
import { assetPath } from '../runtime/assets.js'
import { parseConfig } from '../runtime/config.js'
import { migrate } from '../runtime/migrations.js'

const { DATABASE_URL } = parseConfig(z.object({ DATABASE_URL: z.string() }), process.env)
const applied = await migrate(DATABASE_URL, assetPath('services/ledger/migrations'))
process.stdout.write(`${applied.length === 0 ? 'nothing to migrate' : `migrated ${applied.join(', ')}`}\n`)
