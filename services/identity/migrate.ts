// Brings the service's database forward. Run before the service starts, by one process or many.
import { runMigrations } from '../runtime/migrate-command.js'

await runMigrations('identity')
