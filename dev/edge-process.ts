import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { edgeConfig } from '../envoy/edge.js'
import { type EdgeOptions, type EdgeProfile } from '../envoy/edge-options.js'
import { type TlsFiles } from '../services/runtime/mesh-credentials.js'
import { checkout } from './checkout.js'
import { type MeshPorts } from './ports.js'
import { type RunningProcess, startProcess } from './process.js'
import { type ProcessBook } from './process-book.js'
import { envoyProgram } from './programs.js'
import { replaceFile } from './replace-file.js'
import { giveTo, ownedFolder, reachableProgram, type ServerHome } from './server-home.js'
import { TOKEN_AUDIENCE, tokenIssuer } from './services.js'

/** The certificates of the edge. */
export interface EdgeSecrets {
  readonly home: ServerHome
  /** The edge's identity in the mesh. */
  readonly meshTls: TlsFiles
  /** What the public sees over HTTPS. */
  readonly publicTls: TlsFiles
}

/** How to run the edge. */
export interface EdgeProcessOptions extends EdgeSecrets {
  readonly book: ProcessBook
  readonly logFile: string
  readonly ports: MeshPorts
  /** Where the public listeners bind. */
  readonly listenAddress: string
  readonly profile: EdgeProfile
  readonly corsOrigins: readonly string[]
  /** Worker threads of Envoy. */
  readonly concurrency: number
}

/** Writes Envoy's configuration and certificates into the home and starts it; ready when it answers requests. */
export async function startEdge(options: EdgeProcessOptions): Promise<RunningProcess> {
  const { home, ports } = options
  const folder = ownedFolder(home, 'envoy')
  const configFile = writeEdgeFiles(options, folder)
  return await startProcess(
    {
      name: 'Envoy',
      command: reachableProgram(home, envoyProgram()),
      // Hot restart shares memory and a socket between Envoys of one machine; quick restarts then fail.
      // The access log is otherwise written every ten seconds, and what a crash leaves unwritten is lost.
      args: [
        ...['--disable-hot-restart', '--file-flush-interval-msec', '1000'],
        ...['--concurrency', String(options.concurrency), '-c', configFile],
      ],
      cwd: folder,
      env: {},
      account: home.account,
      logFile: options.logFile,
      book: options.book,
      readyWithinMs: 30_000,
    },
    async () => (await fetch(`http://127.0.0.1:${ports.edgeAdmin}/ready`)).status === 200,
  )
}

function writeEdgeFiles(options: EdgeProcessOptions, folder: string): string {
  const give = (name: string, content: string | Uint8Array): string => {
    const file = join(folder, name)
    replaceFile(file, content, 0o600)
    giveTo(options.home, file)
    return file
  }
  // Copied, because the account of the edge may be unable to enter the checkout.
  const descriptorPath = give('paymesh.binpb', readFileSync(join(checkout, 'gen', 'paymesh.binpb')))
  writeSecrets(options)
  const openApiPath = give('openapi.json', readFileSync(join(checkout, 'docs', 'openapi.json')))
  const edge = edgeOptions(options, folder, { descriptorPath, openApiPath })
  return give('envoy.json', JSON.stringify(edgeConfig(edge), undefined, 2))
}

function edgeOptions(
  options: EdgeProcessOptions,
  folder: string,
  files: Pick<EdgeOptions, 'descriptorPath' | 'openApiPath'>,
): EdgeOptions {
  const { ledger, rules, identity, connector, intent, ...edge } = options.ports
  return {
    listenAddress: options.listenAddress,
    httpPort: edge.edgeHttp,
    httpsPort: edge.edgeHttps,
    adminPort: edge.edgeAdmin,
    services: {
      ledger: { port: ledger.grpc },
      rules: { port: rules.grpc },
      identity: { port: identity.grpc, httpPort: identity.http },
      connector: { port: connector.grpc, httpPort: connector.http },
      intent: { port: intent.grpc },
    },
    ...files,
    sdsFolder: join(folder, 'sds'),
    tokenIssuer: tokenIssuer(options.ports),
    tokenAudience: TOKEN_AUDIENCE,
    profile: options.profile,
    corsOrigins: options.corsOrigins,
  }
}

/**
 * The secret discovery files: YAML (here its JSON subset) that points into `certificates/current`, a symbolic link that
 * is swapped in one step. Envoy watches its folder and loads the new certificates without a restart.
 */
export function writeSecrets({ home, meshTls, publicTls }: EdgeSecrets): void {
  const certificates = ownedFolder(home, join('envoy', 'certificates'))
  const version = join(certificates, randomUUID())
  const copies = {
    'edge.crt': meshTls.certFile,
    'edge.key': meshTls.keyFile,
    'ca.crt': meshTls.caFile,
    'public.crt': publicTls.certFile,
    'public.key': publicTls.keyFile,
  }
  const earlier = readdirSync(certificates).filter((name) => name !== 'current')
  mkdirSync(version, { mode: 0o700 })
  for (const [name, from] of Object.entries(copies)) {
    writeFileSync(join(version, name), readFileSync(from), { mode: 0o600 })
    giveTo(home, join(version, name))
  }
  giveTo(home, version)
  symlinkSync(version, `${version}.link`)
  renameSync(`${version}.link`, join(certificates, 'current'))
  for (const name of earlier) rmSync(join(certificates, name), { recursive: true })
  writeSecretFiles(home, ownedFolder(home, join('envoy', 'sds')), certificates)
}

function writeSecretFiles(home: ServerHome, sds: string, certificates: string): void {
  const watched = { watched_directory: { path: certificates } }
  const file = (name: string): { filename: string } => ({ filename: join(certificates, 'current', name) })
  const pair = (name: string) => ({
    tls_certificate: { certificate_chain: file(`${name}.crt`), private_key: file(`${name}.key`), ...watched },
  })
  const secrets = {
    edge_cert: pair('edge'),
    public_cert: pair('public'),
    mesh_ca: { validation_context: { trusted_ca: file('ca.crt'), ...watched } },
  }
  for (const [name, secret] of Object.entries(secrets)) {
    const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret'
    const path = join(sds, `${name}.yaml`)
    replaceFile(path, JSON.stringify({ resources: [{ '@type': type, name, ...secret }] }, undefined, 2), 0o600)
    giveTo(home, path)
  }
}
