import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'

/** The database and the folder of migrations do not fit together; the message says which file and how. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError'
}

interface Migration {
  name: string
  sql: string
  checksum: string
}

interface Applied {
  name: string
  checksum: string
}

// Any number will do as long as nothing else in the same database locks it: the first bytes of sha256("paymesh migrations").
const lockKey = '5927349018237465'
// Other processes that start at the same time wait this long for the one that migrates.
const lockTimeoutMs = 120_000
const namePattern = /^\d{4}_[a-z0-9_]+\.sql$/

/**
 * Brings a database forward: applies the files `NNNN_name.sql` of the folder that it has not seen, in order, each in
 * one transaction with its own record. Answers the names applied now. Any number of processes may call it at once; one
 * works, the others wait and find nothing left. Throws MigrationError, having changed nothing, when an applied file
 * changed or is gone, or when a new file sorts before an applied one.
 */
export async function migrate(url: string, folder: string): Promise<string[]> {
  const migrations = await readMigrations(folder)
  const client = new pg.Client({ connectionString: url, application_name: 'migrate', connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    await client.query(`set lock_timeout = ${lockTimeoutMs}`)
    await client.query('select pg_advisory_lock($1)', [lockKey])
    await client.query('set lock_timeout = 0')
    return await applyMissing(client, migrations)
  } finally {
    // Ending the session frees the advisory lock.
    await client.end()
  }
}

async function readMigrations(folder: string): Promise<Migration[]> {
  if (!existsSync(folder)) throw new MigrationError(`There is no folder of migrations at ${folder}.`)
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  const odd = names.find((name) => !namePattern.test(name))
  if (odd !== undefined) throw new MigrationError(`The migration ${odd} is not named like 0001_what_it_does.sql.`)
  const twice = names.find((name, index) => index > 0 && names[index - 1]?.slice(0, 4) === name.slice(0, 4))
  if (twice !== undefined) throw new MigrationError(`The number of the migration ${twice} is taken twice.`)
  return Promise.all(names.map((name) => readMigration(folder, name)))
}

async function readMigration(folder: string, name: string): Promise<Migration> {
  const sql = await readFile(join(folder, name), 'utf8')
  return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
}

async function applyMissing(client: pg.Client, migrations: Migration[]): Promise<string[]> {
  await client.query(`create table if not exists schema_migrations (
    name text primary key,
    checksum text not null,
    apply_time timestamptz not null default now()
  )`)
  const { rows } = await client.query<Applied>('select name, checksum from schema_migrations order by name')
  checkHistory(migrations, rows)
  const missing = migrations.slice(rows.length)
  for (const migration of missing) await apply(client, migration)
  return missing.map(({ name }) => name)
}

/** Forward only: what was applied must be, file by file, how the folder begins. */
function checkHistory(migrations: readonly Migration[], applied: readonly Applied[]): void {
  for (const [index, { name, checksum }] of applied.entries()) {
    const file = migrations.find((migration) => migration.name === name)
    if (file === undefined) {
      throw new MigrationError(`The migration ${name} was applied to this database but its file is gone.`)
    }
    if (file.checksum !== checksum) {
      throw new MigrationError(`The migration ${name} was changed after it was applied; write a new one instead.`)
    }
    const inPlace = migrations[index]
    if (inPlace !== undefined && inPlace.name !== name) {
      throw new MigrationError(`The migration ${inPlace.name} is new but sorts before ${name}, which was applied.`)
    }
  }
}

async function apply(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  await client.query('begin')
  try {
    await client.query(sql)
    await client.query('insert into schema_migrations (name, checksum) values ($1, $2)', [name, checksum])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    const reason = error instanceof Error ? error.message : String(error)
    throw new MigrationError(`The migration ${name} failed and was rolled back: ${reason}`, { cause: error })
  }
}
