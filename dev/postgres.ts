import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { processCommand } from './process-command.js'
import { LaunchError } from './launch-error.js'
import { postgresProgram } from './programs.js'
import { runProcess, startProcess, type RunningProcess } from './process.js'
import { type ProcessBook } from './process-book.js'
import { giveTo, ownedFolder, reachableProgram, type ServerHome } from './server-home.js'

/** The superuser of the cluster. */
export const POSTGRES_SUPERUSER = 'postgres'

/** How to run a PostgreSQL cluster. */
export interface PostgresOptions {
  readonly home: ServerHome
  readonly book: ProcessBook
  readonly logFile: string
  readonly port: number
  /** The superuser's password; undefined makes a cluster that trusts everyone on 127.0.0.1, for tests. */
  readonly password: string | undefined
  /** Further settings, over those made here. */
  readonly settings?: Readonly<Record<string, string>>
}

/** A running cluster. */
export interface Postgres {
  readonly process: RunningProcess
  /** The URL of a database, for a role. */
  url(database: string, role: string, password?: string): string
}

/** Starts the cluster in `postgres/` of the home, which is made when it is not there. Listens on 127.0.0.1 only. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const data = join(ownedFolder(options.home, 'postgres'), 'data')
  if (!existsSync(data)) await makeCluster(options, data)
  checkVersion(data)
  removeStalePidFile(data)
  const url = (database: string, role: string, password?: string): string =>
    `postgres://${role}${password === undefined ? '' : `:${password}`}@127.0.0.1:${options.port}/${database}`
  const settings = Object.entries({ ...baseSettings(options.port), ...options.settings })
  const process = await startProcess(
    {
      ...processSpec(options, 'PostgreSQL', 'postgres', [
        '-D',
        data,
        ...settings.flatMap(([k, v]) => ['-c', `${k}=${v}`]),
      ]),
      stopSignal: 'SIGINT', // "fast" shutdown: ends sessions, keeps every committed row
    },
    () => answers(url('postgres', POSTGRES_SUPERUSER, options.password)),
  )
  return { process, url }
}

function baseSettings(port: number): Record<string, string> {
  return {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    timezone: 'UTC',
    log_timezone: 'UTC',
    jit: 'off',
    // Sizes for a developer's machine with the whole mesh on it.
    shared_buffers: '128MB',
    max_wal_size: '2GB',
  }
}

function processSpec(options: PostgresOptions, name: string, program: 'initdb' | 'postgres', args: string[]) {
  return {
    name,
    command: reachableProgram(options.home, postgresProgram(program)),
    args,
    cwd: options.home.folder,
    env: { LC_ALL: 'C', TZ: 'UTC' },
    account: options.home.account,
    logFile: options.logFile,
    book: options.book,
    readyWithinMs: 60_000,
  }
}

// In another folder first: a cluster whose making was cut short must not look like one.
async function makeCluster(options: PostgresOptions, data: string): Promise<void> {
  const unfinished = `${data}.new`
  const passwordFile = `${data}.password`
  rmSync(unfinished, { recursive: true, force: true })
  const auth = ['--auth-local=reject', `--auth-host=${options.password === undefined ? 'trust' : 'scram-sha-256'}`]
  if (options.password !== undefined) {
    writeFileSync(passwordFile, options.password, { mode: 0o600 })
    giveTo(options.home, passwordFile)
    auth.push(`--pwfile=${passwordFile}`)
  }
  try {
    const locale = ['--locale=C', '--encoding=UTF8', '--no-instructions', '--no-sync']
    const args = ['-D', unfinished, '-U', POSTGRES_SUPERUSER, ...locale, ...auth]
    await runProcess(processSpec(options, 'PostgreSQL set-up', 'initdb', args))
  } finally {
    rmSync(passwordFile, { force: true })
  }
  renameSync(unfinished, data)
}

function checkVersion(data: string): void {
  const version = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim()
  if (version !== '18') {
    throw new LaunchError(`The data in ${data} is of PostgreSQL ${version}, and this is 18. Run \`make reset\`.`)
  }
}

// PostgreSQL takes any live process under the id in the file for its predecessor; after a restart of the container that
// may be anything. We hold the lock of the state folder, so only a real `postgres` under that id counts.
function removeStalePidFile(data: string): void {
  const file = join(data, 'postmaster.pid')
  if (!existsSync(file)) return
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0])
  if (!(processCommand(pid) ?? '').includes('postgres')) rmSync(file)
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
  // A connection that is cut after it was made is reported here; the query fails too.
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } finally {
    await client.end()
  }
}

/** Runs statements one after another in one session. */
export async function runStatements(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}
