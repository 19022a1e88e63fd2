import { randomInt } from 'node:crypto'
import { createServer, type Server } from 'node:net'
import { LaunchError } from './launch-error.js'
import { portHolder } from './port-holder.js'

/** Where everything in the mesh listens. The edge is public; the rest is on 127.0.0.1. */
export interface MeshPorts {
  readonly edgeHttp: number
  readonly edgeHttps: number
  readonly edgeAdmin: number
  readonly postgres: number
  readonly valkey: number
  /** Used with ENGINE=tigerbeetle only. */
  readonly tigerbeetle: number
  readonly ledger: ServicePorts
  readonly rules: ServicePorts
  readonly identity: ServicePortsWithHttp
  readonly connector: ServicePortsWithHttp
  readonly intent: ServicePorts
  /** Of the simulated payment providers. */
  readonly providers: Readonly<Record<ProviderName, number>>
}

/** The payment providers that the launcher plays: account transfers, and top-ups of a shop's customers. */
export const PROVIDERS = ['ipps', 'qp'] as const
/** A simulated provider. */
export type ProviderName = (typeof PROVIDERS)[number]

/** A service's ports: gRPC, and /metrics, /livez and /readyz. */
export interface ServicePorts {
  readonly grpc: number
  readonly admin: number
}

/** The ports of a service that also answers plain HTTP/2. */
export interface ServicePortsWithHttp extends ServicePorts {
  readonly http: number
}

/** The three choices a user has: `PORT`, `HTTPS_PORT` and `PORT_BASE`. */
export interface PortChoices {
  readonly edgeHttp: number
  readonly edgeHttps: number
  /** All other ports lie within a hundred above it. */
  readonly base: number
}

const PORTS_DEFAULT: PortChoices = { edgeHttp: 8080, edgeHttps: 8443, base: 7100 }

/** Reads the choices from the environment; fails with a LaunchError that names what is wrong. */
export function portChoices(env: NodeJS.ProcessEnv): PortChoices {
  return {
    edgeHttp: portFrom(env, 'PORT', PORTS_DEFAULT.edgeHttp),
    edgeHttps: portFrom(env, 'HTTPS_PORT', PORTS_DEFAULT.edgeHttps),
    base: portFrom(env, 'PORT_BASE', PORTS_DEFAULT.base),
  }
}

function portFrom(env: NodeJS.ProcessEnv, name: string, otherwise: number): number {
  const text = env[name]
  if (text === undefined || text === '') return otherwise
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_400) throw new LaunchError(`${name}=${text} is not a port. Give a number from 1 to 65400.`)
  return port
}

/** The fixed ports for the choices made. */
export function fixedPorts({ edgeHttp, edgeHttps, base }: PortChoices): MeshPorts {
  return {
    edgeHttp,
    edgeHttps,
    edgeAdmin: base,
    postgres: base + 1,
    valkey: base + 2,
    tigerbeetle: base + 3,
    ledger: { grpc: base + 10, admin: base + 11 },
    rules: { grpc: base + 20, admin: base + 21 },
    identity: { grpc: base + 30, admin: base + 31, http: base + 32 },
    connector: { grpc: base + 40, admin: base + 41, http: base + 42 },
    intent: { grpc: base + 50, admin: base + 51 },
    providers: { ipps: base + 60, qp: base + 61 },
  }
}

/** Ports that nobody listens on now, for tests and benches. */
export async function freeMeshPorts(): Promise<MeshPorts> {
  const free = (await freePorts(20)).values()
  const next = (): number => free.next().value ?? 0
  return {
    edgeHttp: next(),
    edgeHttps: next(),
    edgeAdmin: next(),
    postgres: next(),
    valkey: next(),
    tigerbeetle: next(),
    ledger: { grpc: next(), admin: next() },
    rules: { grpc: next(), admin: next() },
    identity: { grpc: next(), admin: next(), http: next() },
    connector: { grpc: next(), admin: next(), http: next() },
    intent: { grpc: next(), admin: next() },
    providers: { ipps: next(), qp: next() },
  }
}

/** Fails with a LaunchError on the first port that something else listens on, naming it, its holder and the cure. */
export async function checkPorts(ports: MeshPorts, edgeAddress: string): Promise<void> {
  await checkPort(ports.edgeHttp, edgeAddress, 'the edge (HTTP)', 'PORT=8081')
  await checkPort(ports.edgeHttps, edgeAddress, 'the edge (HTTPS)', 'HTTPS_PORT=8444')
  for (const [what, port] of innerPorts(ports)) await checkPort(port, '127.0.0.1', what, 'PORT_BASE=7300')
}

function innerPorts({
  edgeAdmin,
  postgres,
  valkey,
  tigerbeetle,
  ledger,
  rules,
  identity,
  connector,
  intent,
  providers,
}: MeshPorts) {
  const services = Object.entries({ ledger, rules, identity, connector, intent })
  const servicePorts = services.flatMap(([name, ports]) =>
    Object.entries(ports).map(([use, port]: [string, number]) => [`${name} (${use})`, port] as const),
  )
  return [
    ['the administration of the edge', edgeAdmin],
    ['PostgreSQL', postgres],
    ['Valkey', valkey],
    ['TigerBeetle', tigerbeetle],
    ...servicePorts,
    ...PROVIDERS.map((name) => [`the simulated provider ${name}`, providers[name]] as const),
  ] as const
}

async function checkPort(port: number, address: string, what: string, choice: string): Promise<void> {
  try {
    const server = await listen(port, address)
    await close(server)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EACCES') {
      throw new LaunchError(`Port ${port} for ${what} needs rights you lack. Choose one above 1023: make up ${choice}`)
    }
    if (code !== 'EADDRINUSE') throw error
    const holder = await portHolder(port)
    const by = holder === undefined ? '' : ` by ${holder.command} (process ${holder.pid})`
    throw new LaunchError(`Port ${port} for ${what} is in use${by}. Stop that, or choose another: make up ${choice}`)
  }
}

/** A TCP port on 127.0.0.1 that nobody listens on now. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  if (port === undefined) throw new Error('one port was asked for')
  return port
}

// Below those that systems give to connections (Linux from 32768, macOS from 49152): a server that is down between two
// starts would lose such a port to somebody's connection.
const portMin = 10_000
const portMax = 20_000
const given = new Set<number>()

/** Distinct ports that nobody listens on now and that this process has not given away. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = randomInt(portMin, portMax)
    if (given.has(port)) continue
    given.add(port)
    if (await isFree(port)) ports.push(port)
  }
  return ports
}

async function isFree(port: number): Promise<boolean> {
  try {
    await close(await listen(port, '127.0.0.1'))
    return true
  } catch {
    return false
  }
}

function listen(port: number, address: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, address, () => {
      resolve(server)
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve()
    })
  })
}
