import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { migrate } from '../services/runtime/migrations.js'
import { checkout } from './checkout.js'
import { POSTGRES_SUPERUSER, type Postgres, type PostgresOptions, runStatements, startPostgres } from './postgres.js'

/**
 * A PostgreSQL server that a test may break: with data of its own that outlives a crash as in production, and one
 * database with the schema of a service, which owns it.
 */
export class TestPostgres {
  readonly #options: PostgresOptions
  readonly #service: string
  #postgres: Postgres

  private constructor(options: PostgresOptions, service: string, postgres: Postgres) {
    this.#options = options
    this.#service = service
    this.#postgres = postgres
  }

  static async start(given: Omit<PostgresOptions, 'password'>, service: string): Promise<TestPostgres> {
    const durable = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', max_connections: '50' }
    // One that crashes again and again must not spend the test's time on large checkpoints.
    const sizes = { min_wal_size: '32MB', max_wal_size: '64MB' }
    const options = { ...given, password: undefined, settings: { ...durable, ...sizes, ...given.settings } }
    const server = new TestPostgres(options, service, await startPostgres(options))
    await server.administer(`create role ${service} login`, `create database ${service} owner ${service}`)
    const migrations = join(checkout, 'services', service, 'migrations')
    if (existsSync(migrations)) await migrate(server.url, migrations)
    return server
  }

  /** The URL of the database, for the service's role. */
  get url(): string {
    return this.#postgres.url(this.#service, this.#service)
  }

  /** Whether the server runs. It ends by itself when it can't write its log. */
  get isUp(): boolean {
    return this.#postgres.process.exit === undefined
  }

  /** Where it says what happens to it. */
  get logFile(): string {
    return this.#options.logFile
  }

  /** As `pg_ctl stop -m immediate`: the server goes at once, and recovers from its log at its next start. */
  async crash(): Promise<void> {
    await this.#postgres.process.kill('SIGQUIT')
  }

  /** Starts the server again on the same data and port. */
  async startAgain(): Promise<void> {
    this.#postgres = await startPostgres(this.#options)
  }

  async administer(...statements: string[]): Promise<void> {
    await runStatements(this.#postgres.url('postgres', POSTGRES_SUPERUSER), statements)
  }

  /** Whether it takes statements now. */
  async answers(): Promise<boolean> {
    return await this.administer('select 1').then(
      () => true,
      () => false,
    )
  }

  async stop(): Promise<void> {
    if (this.isUp) await this.#postgres.process.stop()
  }
}
