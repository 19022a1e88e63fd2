import pg from 'pg'
import { POSTGRES_SUPERUSER, type Postgres } from './postgres.js'
import { type Secrets } from './secrets.js'
import { SERVICES, type ServiceName } from './services.js'

/** The URL with which a service reaches its own database. */
export function databaseUrl(postgres: Postgres, secrets: Secrets, service: ServiceName): string {
  return postgres.url(service, service, secrets.databasePasswords[service])
}

/** Makes each service's role and database where they are missing. Nobody but the role may connect to its database. */
export async function ensureDatabases(postgres: Postgres, secrets: Secrets): Promise<void> {
  const url = postgres.url('postgres', POSTGRES_SUPERUSER, secrets.databasePasswords.postgres)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    for (const service of SERVICES) await ensureDatabase(client, service, secrets.databasePasswords[service])
  } finally {
    await client.end()
  }
}

// PostgreSQL has no `create database if not exists`; we hold the lock of the state folder, so nobody races us.
async function ensureDatabase(client: pg.Client, name: ServiceName, password: string): Promise<void> {
  const { rowCount: roles } = await client.query('select from pg_roles where rolname = $1', [name])
  if (roles === 0) await client.query(`create role ${name} login password ${pg.escapeLiteral(password)}`)
  const { rowCount: databases } = await client.query('select from pg_database where datname = $1', [name])
  if (databases === 0) await client.query(`create database ${name} owner ${name}`)
  await client.query(`revoke connect on database ${name} from public`)
}
