// Brings the service's database forward. Run before the service starts.
import { assetPath } from '../runtime/assets.js'
import { migrate } from '../runtime/migrations.js'
import { readDatabaseUrl } from './config.js'

const applied = await migrate(readDatabaseUrl(), assetPath('services/connector/migrations'))
console.log(applied.length === 0 ? 'connector: nothing to migrate' : `connector: applied ${applied.join(', ')}`)
