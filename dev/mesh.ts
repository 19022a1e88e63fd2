// The whole mesh as processes of one machine, for `make up`, end-to-end tests and benches.
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type EdgeProfile } from '../envoy/edge-options.js'
import { type TlsFiles } from '../services/runtime/mesh-credentials.js'
import { type PeerName } from '../services/runtime/peer-identity.js'
import { databaseUrl, ensureDatabases } from './databases.js'
import { type EdgeSecrets, startEdge, writeSecrets } from './edge-process.js'
import { LaunchError } from './launch-error.js'
import { type MeshAccess } from './mesh-access.js'
import { notificationFile } from './notifications.js'
import { CertificateFolder } from './pki.js'
import { type MeshPorts } from './ports.js'
import { type Postgres, startPostgres } from './postgres.js'
import { type RunningProcess } from './process.js'
import { bookFile, ProcessBook, stopOrphans } from './process-book.js'
import { startProviders } from './provider-process.js'
import { type Secrets, openSecrets } from './secrets.js'
import { type ServerHome, serverHome } from './server-home.js'
import { ServiceProcess } from './service-process.js'
import { type Environment, SERVICE_TITLES, serviceEnvironment, type ServiceName, SERVICES } from './services.js'
import { type LedgerEngine, startTigerBeetle, type TigerBeetle } from './tigerbeetle.js'
import { startValkey, type Valkey } from './valkey.js'

/** How to run a mesh. */
export interface MeshOptions {
  /** Everything that the mesh keeps; whoever starts it makes sure that it is alone there (lock.mjs). */
  readonly stateFolder: string
  readonly ports: MeshPorts
  /** Whether committed rows must survive a power cut. Tests need not pay for that. */
  readonly durable: boolean
  /** Where the ledger's books are; in PostgreSQL unless given. A state folder stays with what it was made with. */
  readonly engine?: LedgerEngine
  /** The edge's limits of requests: those of a public endpoint or of one machine that plays every user (default). */
  readonly profile?: EdgeProfile
  /** Where the edge binds; 127.0.0.1 unless given. */
  readonly edgeAddress?: string
  readonly edgeConcurrency?: number
  readonly corsOrigins?: readonly string[]
  /** Variables over the usual ones, by service. */
  readonly environment?: Partial<Record<ServiceName, Environment>>
  /** Told, once each, what is being started. */
  readonly say?: (text: string) => void
  /** Aborted, the start stops at its next step, undoes itself and fails with the signal's reason. */
  readonly signal?: AbortSignal
  /** Told of a process that ended without having been asked to. */
  readonly onCrash?: (process: RunningProcess) => void
}

const RENEWAL_INTERVAL_MS = 3_600_000

type Part = ServiceName | 'postgres' | 'valkey' | 'tigerbeetle' | 'providers' | 'envoy'

/** A running mesh. */
export class Mesh implements MeshAccess {
  readonly ports: MeshPorts
  readonly secrets: Secrets
  readonly #options: MeshOptions
  readonly #home: ServerHome
  readonly #book: ProcessBook
  readonly #certificates: CertificateFolder
  readonly #tls = new Map<string, TlsFiles>()
  readonly #services = new Map<ServiceName, ServiceProcess>()
  #postgres: Postgres | undefined
  #valkey: Valkey | undefined
  #tigerBeetle: TigerBeetle | undefined
  #providers: RunningProcess | undefined
  #edge: RunningProcess | undefined
  #renewal: NodeJS.Timeout | undefined

  constructor(options: MeshOptions, certificates: CertificateFolder) {
    this.ports = options.ports
    this.secrets = openSecrets(options.stateFolder)
    this.#options = options
    this.#home = serverHome(options.stateFolder)
    this.#book = new ProcessBook(bookFile(options.stateFolder))
    this.#certificates = certificates
  }

  /** The public address, without a slash at the end. */
  get url(): string {
    return `http://localhost:${this.ports.edgeHttp}`
  }

  get notificationFile(): string {
    return notificationFile(this.#options.stateFolder)
  }

  get httpsUrl(): string {
    return `https://localhost:${this.ports.edgeHttps}`
  }

  /** The files with which a peer speaks; `stranger` is of the mesh's CA, but of no workload that anyone expects. */
  tls(peer: PeerName | 'stranger'): TlsFiles {
    const files = this.#tls.get(peer)
    if (files === undefined) throw new Error(`no certificate was issued for ${peer}`)
    return files
  }

  service(name: ServiceName): ServiceProcess {
    const service = this.#services.get(name)
    if (service === undefined) throw new Error(`${name} was not started`)
    return service
  }

  /** The URL of a service's database, with the service's own rights. */
  databaseUrl(service: ServiceName): string {
    return databaseUrl(started(this.#postgres), this.secrets, service)
  }

  get valkeyUrl(): string {
    return started(this.#valkey).url
  }

  /** The process of the edge. */
  get edge(): RunningProcess {
    return started(this.#edge)
  }

  logFile(part: Part): string {
    return join(this.#options.stateFolder, 'log', `${part}.log`)
  }

  async start(): Promise<void> {
    await this.#issueCertificates()
    checkEngine(this.#engine, this.#options.stateFolder, this.#home)
    const withTigerBeetle = this.#engine.kind === 'tigerbeetle'
    this.#say(`starting PostgreSQL${withTigerBeetle ? ', TigerBeetle' : ''}, Valkey and the simulated providers`)
    await allOrFirstFailure([
      this.#startPostgres(),
      this.#startValkey(),
      this.#startTigerBeetle(),
      this.#startProviders(),
    ])
    await ensureDatabases(started(this.#postgres), this.secrets)
    for (const name of SERVICES) this.#services.set(name, this.#makeService(name))
    this.#say('migrating the databases')
    await allOrFirstFailure(SERVICES.map((name) => this.service(name).migrate()))
    const first = SERVICES.filter((name) => name !== 'intent')
    this.#say(`starting ${[...first, 'intent' as const].map((name) => SERVICE_TITLES[name]).join(', ')}`)
    await allOrFirstFailure(first.map((name) => this.service(name).start()))
    await this.service('intent').start()
    this.#say('starting the edge')
    await this.startEdge()
    this.#renewal = setInterval(() => void this.renewCertificates(), RENEWAL_INTERVAL_MS)
  }

  /** Starts the edge; also after its process was stopped. */
  async startEdge(): Promise<void> {
    this.#edge = await startEdge({
      book: this.#book,
      logFile: this.logFile('envoy'),
      ports: this.ports,
      listenAddress: this.#options.edgeAddress ?? '127.0.0.1',
      ...(await this.#edgeSecrets()),
      profile: this.#options.profile ?? 'demo',
      corsOrigins: this.#options.corsOrigins ?? [],
      concurrency: this.#options.edgeConcurrency ?? 2,
    })
    this.#watch(this.#edge)
  }

  /** Stops everything, those who ask before those who are asked. */
  async stop(): Promise<void> {
    clearInterval(this.#renewal)
    await this.#edge?.stop()
    for (const name of SERVICES.toReversed()) await this.#services.get(name)?.retire()
    const stores = [this.#valkey, this.#tigerBeetle, this.#postgres].map((store) => store?.process)
    const last = [...stores, this.#providers].filter((process) => process !== undefined)
    await Promise.all(last.map((process) => process.stop()))
    this.#book.close()
  }

  /**
   * Renews the certificates that end within twelve hours, or `withinMs`. Services and edge read them without a restart.
   * Done every hour while the mesh runs.
   */
  async renewCertificates(withinMs?: number): Promise<void> {
    await this.#issueCertificates(withinMs)
    writeSecrets(await this.#edgeSecrets())
  }

  async #edgeSecrets(): Promise<EdgeSecrets> {
    const publicTls = await this.#certificates.issueServer('public', ['localhost'], Date.now())
    return { home: this.#home, meshTls: this.tls('edge'), publicTls }
  }

  async #issueCertificates(withinMs?: number): Promise<void> {
    const now = Date.now()
    const names = [...SERVICES, 'edge', 'operator', 'stranger'] as const
    const files = await Promise.all(names.map((name) => this.#certificates.issuePeer(name, now, withinMs)))
    files.forEach((one, index) => this.#tls.set(names[index] ?? '', one))
  }

  async #startPostgres(): Promise<void> {
    const loose = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
    this.#postgres = await startPostgres({
      home: this.#home,
      book: this.#book,
      logFile: this.logFile('postgres'),
      port: this.ports.postgres,
      password: this.secrets.databasePasswords.postgres,
      settings: this.#options.durable ? {} : loose,
    })
    this.#watch(this.#postgres.process)
  }

  async #startValkey(): Promise<void> {
    this.#valkey = await startValkey({
      home: this.#home,
      book: this.#book,
      logFile: this.logFile('valkey'),
      port: this.ports.valkey,
      password: this.secrets.valkeyPassword,
      databaseCount: 1,
    })
    this.#watch(this.#valkey.process)
  }

  async #startProviders(): Promise<void> {
    this.#providers = await startProviders({
      ports: this.ports.providers,
      secrets: this.secrets,
      folder: join(this.#options.stateFolder, 'providers'),
      logFile: this.logFile('providers'),
      book: this.#book,
    })
    this.#watch(this.#providers)
  }

  get #engine(): LedgerEngine {
    return this.#options.engine ?? { kind: 'postgres' }
  }

  async #startTigerBeetle(): Promise<void> {
    if (this.#engine.kind !== 'tigerbeetle') return
    this.#tigerBeetle = await startTigerBeetle({
      binary: this.#engine.binary,
      folder: tigerBeetleFolder(this.#options.stateFolder),
      book: this.#book,
      logFile: this.logFile('tigerbeetle'),
      port: this.ports.tigerbeetle,
    })
    this.#watch(this.#tigerBeetle.process)
  }

  #engineEnvironment(service: ServiceName): Environment {
    if (service !== 'ledger' || this.#tigerBeetle === undefined) return {}
    return { LEDGER_ENGINE: 'tigerbeetle', TIGERBEETLE_ADDRESSES: this.#tigerBeetle.address }
  }

  #makeService(service: ServiceName): ServiceProcess {
    const usual = serviceEnvironment(service, {
      ports: this.ports,
      secrets: this.secrets,
      tls: this.tls(service),
      databaseUrl: this.databaseUrl(service),
      valkeyUrl: this.valkeyUrl,
      notificationFile: this.notificationFile,
    })
    return new ServiceProcess({
      service,
      environment: { ...usual, ...this.#engineEnvironment(service), ...this.#options.environment?.[service] },
      adminPort: this.ports[service].admin,
      logFile: this.logFile(service),
      book: this.#book,
      onStart: (process) => {
        this.#watch(process)
      },
    })
  }

  #watch(process: RunningProcess): void {
    void process.exited.then(() => {
      if (!process.stopAsked) this.#options.onCrash?.(process)
    })
  }

  #say(text: string): void {
    this.#options.signal?.throwIfAborted()
    this.#options.say?.(text)
  }
}

/**
 * Starts a mesh in a state folder: PostgreSQL and Valkey, databases, migrations, services, edge. Stops what an earlier,
 * killed launcher left running there. When anything fails, stops what it started and fails with a LaunchError.
 */
export async function startMesh(options: MeshOptions): Promise<Mesh> {
  const { stateFolder } = options
  mkdirSync(stateFolder, { recursive: true })
  await stopOrphans(bookFile(stateFolder))
  const logs = join(stateFolder, 'log')
  if (existsSync(logs)) rmSync(logs, { recursive: true })
  // Codes of an earlier run are long over.
  rmSync(notificationFile(stateFolder), { force: true })
  const mesh = new Mesh(options, await CertificateFolder.open(join(stateFolder, 'tls'), Date.now()))
  try {
    await mesh.start()
  } catch (error) {
    await mesh.stop()
    throw error
  }
  return mesh
}

function tigerBeetleFolder(stateFolder: string): string {
  return join(stateFolder, 'tigerbeetle')
}

// Books don't move from one engine to the other, and the ledger would refuse to start.
function checkEngine({ kind }: LedgerEngine, stateFolder: string, home: ServerHome): void {
  const inTigerBeetle = existsSync(tigerBeetleFolder(stateFolder))
  const made = inTigerBeetle || existsSync(join(home.folder, 'postgres', 'data'))
  if (!made || inTigerBeetle === (kind === 'tigerbeetle')) return
  const other = inTigerBeetle ? 'tigerbeetle' : 'postgres'
  throw new LaunchError(
    `The state in ${stateFolder} was made with ENGINE=${other}. Choose that, or clear the state with \`make reset\`.`,
  )
}

// Waits for all also when one fails: what still starts could not be stopped otherwise.
async function allOrFirstFailure(work: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

function started<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('the mesh is not started')
  return part
}
