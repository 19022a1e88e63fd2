// What integration tests stand on: one real PostgreSQL and one real Valkey for a whole mocha run, started when the first
// test asks, and certificates of one CA. test-environment.ts, which mocha loads first, stops them.
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type TlsFiles } from '../services/runtime/mesh-credentials.js'
import { migrate } from '../services/runtime/migrations.js'
import { peerNames, type PeerName } from '../services/runtime/peer-identity.js'
import { checkout } from './checkout.js'
import { CertificateFolder } from './pki.js'
import { freePort } from './ports.js'
import { POSTGRES_SUPERUSER, runStatements, startPostgres, type Postgres } from './postgres.js'
import { bookFile, ProcessBook } from './process-book.js'
import { ownedFolder, serverHome, type ServerHome } from './server-home.js'
import { removeState, TESTS_FOLDER } from './state-folder.js'
import { TestPostgres } from './test-postgres.js'
import { TestValkey } from './test-valkey.js'
import { startTigerBeetle, type TigerBeetle, tigerBeetleBinary } from './tigerbeetle.js'
import { startValkey, type Valkey } from './valkey.js'

export { freePort } from './ports.js'

/** The services that own a database. */
export type DatabaseOwner = 'ledger' | 'intent' | 'rules' | 'identity' | 'connector'

/** The certificates of a test run. */
export interface TestCertificates {
  /** The files of a peer; `stranger` is of the mesh's CA, but of no workload that anyone expects. */
  of(peer: PeerName | 'stranger'): TlsFiles
  /** Says that it is `intent`, signed by a CA of its own; believes the mesh's CA. */
  foreignCa(): TlsFiles
}

/** A TigerBeetle cluster of one replica, with the id 0. */
export interface TestTigerBeetle {
  /** ip:port. */
  readonly address: string
  /** Holds the server still, as a network that swallows everything would, or lets it go on. */
  freeze(still: boolean): void
  /** Stops it and removes its data, which is about a gigabyte. */
  stop(): Promise<void>
}

const VALKEY_DATABASE_COUNT = 1024

/** The parts of one test run; each is started at most once. */
class TestRun {
  readonly folder = join(TESTS_FOLDER, randomUUID())
  readonly #home: ServerHome
  readonly #book: ProcessBook
  readonly #templates = new Map<DatabaseOwner, Promise<string>>()
  #postgres: Promise<Postgres> | undefined
  #valkey: Promise<Valkey> | undefined
  #certificates: Promise<TestCertificates> | undefined
  readonly #clusters = new Set<TigerBeetle>()
  readonly #ownServers = new Set<TestPostgres | TestValkey>()
  #databaseCount = 0
  #valkeyDatabaseCount = 0

  constructor() {
    this.#home = serverHome(this.folder)
    this.#book = new ProcessBook(bookFile(this.folder))
  }

  async database(service: DatabaseOwner): Promise<string> {
    let template = this.#templates.get(service)
    if (template === undefined) {
      template = this.#makeTemplate(service)
      this.#templates.set(service, template)
    }
    const name = `${service}_${(this.#databaseCount += 1)}`
    await this.#administer(`create database ${name} template ${await template} owner ${service}`)
    return (await this.#startPostgres()).url(name, service)
  }

  async serverUrl(): Promise<string> {
    return (await this.#startPostgres()).url('postgres', POSTGRES_SUPERUSER)
  }

  async ownPostgres(service: DatabaseOwner, home = this.#home): Promise<TestPostgres> {
    const name = `postgres-${randomUUID()}`
    const server = await TestPostgres.start(
      {
        home: home === this.#home ? { ...home, folder: ownedFolder(home, name) } : home,
        book: this.#book,
        logFile: join(this.folder, 'log', `${name}.log`),
        port: await freePort(),
      },
      service,
    )
    this.#ownServers.add(server)
    return server
  }

  async ownValkey(): Promise<TestValkey> {
    const name = `valkey-${randomUUID()}`
    const server = await TestValkey.start({
      home: { ...this.#home, folder: ownedFolder(this.#home, name) },
      book: this.#book,
      logFile: join(this.folder, 'log', `${name}.log`),
      port: await freePort(),
    })
    this.#ownServers.add(server)
    return server
  }

  async valkeyUrl(): Promise<string> {
    this.#valkey ??= this.#startValkey()
    const { url } = await this.#valkey
    const number = (this.#valkeyDatabaseCount += 1)
    if (number >= VALKEY_DATABASE_COUNT) throw new Error(`a test run has ${VALKEY_DATABASE_COUNT} Valkey databases`)
    return `${url}/${number}`
  }

  async tigerBeetle(): Promise<TestTigerBeetle> {
    const name = `tigerbeetle-${randomUUID()}`
    const folder = join(this.folder, name)
    const cluster = await startTigerBeetle({
      binary: tigerBeetleBinary(process.env),
      folder,
      book: this.#book,
      logFile: join(this.folder, 'log', `${name}.log`),
      port: await freePort(),
    })
    this.#clusters.add(cluster)
    return {
      address: cluster.address,
      freeze: (still) => process.kill(cluster.process.pid, still ? 'SIGSTOP' : 'SIGCONT'),
      stop: async () => {
        this.#clusters.delete(cluster)
        await cluster.process.stop()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  }

  async certificates(): Promise<TestCertificates> {
    this.#certificates ??= issueAll(join(this.folder, 'tls'))
    return await this.#certificates
  }

  async stop(): Promise<void> {
    const servers = await Promise.allSettled([this.#postgres, this.#valkey])
    for (const server of servers) {
      if (server.status === 'fulfilled') await server.value?.process.stop()
    }
    for (const server of this.#ownServers) await server.stop()
    for (const cluster of this.#clusters) await cluster.process.stop()
    await removeState(this.folder)
  }

  async #startPostgres(): Promise<Postgres> {
    this.#postgres ??= freePort().then((port) =>
      startPostgres({
        home: this.#home,
        book: this.#book,
        logFile: join(this.folder, 'log', 'postgres.log'),
        port,
        password: undefined,
        // A test's data need not outlive the test. Sessions and locks behave as ever.
        settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '400' },
      }),
    )
    return await this.#postgres
  }

  async #startValkey(): Promise<Valkey> {
    return await startValkey({
      home: this.#home,
      book: this.#book,
      logFile: join(this.folder, 'log', 'valkey.log'),
      port: await freePort(),
      password: undefined,
      databaseCount: VALKEY_DATABASE_COUNT,
    })
  }

  async #makeTemplate(service: DatabaseOwner): Promise<string> {
    const name = `template_${service}`
    await this.#administer(`create role ${service} login`, `create database ${name} owner ${service}`)
    const postgres = await this.#startPostgres()
    const migrations = join(checkout, 'services', service, 'migrations')
    if (existsSync(migrations)) await migrate(postgres.url(name, service), migrations)
    return name
  }

  async #administer(...statements: string[]): Promise<void> {
    const postgres = await this.#startPostgres()
    await runStatements(postgres.url('postgres', POSTGRES_SUPERUSER), statements)
  }
}

let run: TestRun | undefined

function currentRun(): TestRun {
  run ??= new TestRun()
  return run
}

/** The URL of a new database that has the service's schema and no rows; its role owns it. */
export async function testDatabase(service: DatabaseOwner): Promise<string> {
  return await currentRun().database(service)
}

/**
 * A PostgreSQL server of the test's own, which it may break, with a database of the service. Its data lie in `home` when
 * one is given.
 */
export async function testPostgres(service: DatabaseOwner, home?: ServerHome): Promise<TestPostgres> {
  return await currentRun().ownPostgres(service, home)
}

/** The URL of the run's PostgreSQL as its superuser, for what creates databases of its own. */
export async function testServerUrl(): Promise<string> {
  return await currentRun().serverUrl()
}

/** The URL of an empty numbered database of Valkey. Channels of pub/sub are shared by all numbers. */
export async function testValkeyUrl(): Promise<string> {
  return await currentRun().valkeyUrl()
}

/** A Valkey server of the test's own, which it may break. */
export async function testValkey(): Promise<TestValkey> {
  return await currentRun().ownValkey()
}

/** An empty TigerBeetle cluster of its own. Fails with a LaunchError where there is no server (dev/tigerbeetle.ts). */
export async function testTigerBeetle(): Promise<TestTigerBeetle> {
  return await currentRun().tigerBeetle()
}

/** The certificates of this run. */
export async function testCertificates(): Promise<TestCertificates> {
  return await currentRun().certificates()
}

/** A folder of this run for whatever a test writes, such as the state of a mesh; removed with the run. */
export function testFolder(): string {
  const folder = join(currentRun().folder, 'files', randomUUID())
  mkdirSync(folder, { recursive: true })
  return folder
}

/** Stops what the tests started. */
export async function stopTestRun(): Promise<void> {
  await run?.stop()
  run = undefined
}

async function issueAll(folder: string): Promise<TestCertificates> {
  const nowMs = Date.now()
  const mesh = await CertificateFolder.open(join(folder, 'mesh'), nowMs)
  const foreign = await CertificateFolder.open(join(folder, 'foreign'), nowMs)
  const names = [...peerNames, 'stranger'] as const
  const issued = await Promise.all(names.map((name) => mesh.issuePeer(name, nowMs)))
  const files = new Map(names.map((name, index) => [name, issued[index]]))
  const foreignFiles = { ...(await foreign.issuePeer('intent', nowMs)), caFile: mesh.caFile }
  return {
    of(peer) {
      const found = files.get(peer)
      if (found === undefined) throw new Error(`there is no certificate for ${peer}`)
      return found
    },
    foreignCa: () => foreignFiles,
  }
}
