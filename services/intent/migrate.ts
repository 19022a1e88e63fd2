// Brings Intent's database forward. Run before the service starts, by one process or many.
import { assetPath } from '../runtime/assets.js'
import { migrate } from '../runtime/migrations.js'
import { readDatabaseUrl } from './config.js'

const applied = await migrate(readDatabaseUrl(), assetPath('services/intent/migrations'))
process.stdout.write(applied.length === 0 ? 'intent: nothing to migrate\n' : `intent: migrated ${applied.join(', ')}\n`)
