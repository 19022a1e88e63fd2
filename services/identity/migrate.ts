import { assetPath } from '../runtime/assets.js'
import { migrate } from '../runtime/migrations.js'

// Run before the service starts, by whoever deploys it; needs nothing but the address of the database.
const url = process.env['DATABASE_URL']
if (url === undefined || url === '') {
  process.stderr.write('DATABASE_URL is missing.\n')
  process.exit(78)
}
const applied = await migrate(url, assetPath('services/identity/migrations'))
process.stdout.write(
  applied.length === 0 ? 'identity: nothing to migrate\n' : `identity: applied ${applied.join(', ')}\n`,
)
