import { join } from 'node:path'
import { freePort } from '../../../dev/ports.js'
import { type ProcessBook } from '../../../dev/process-book.js'
import { type RunningProcess, startProcess } from '../../../dev/process.js'
import { assetPath } from '../../runtime/assets.js'
import { type TlsFiles } from '../../runtime/mesh-credentials.js'

/** A real ledger process. */
export interface LedgerProcess {
  readonly process: RunningProcess
  /** Where it answers gRPC, by name. */
  readonly address: string
  /** Whether it is the writer. */
  isWriter(): Promise<boolean>
}

export interface LedgerProcessOptions {
  readonly databaseUrl: string
  readonly tls: TlsFiles
  readonly book: ProcessBook
  /** Where its log goes. */
  readonly folder: string
  /** What Node is given beside the program, such as `--cpu-prof`. */
  readonly nodeFlags?: readonly string[]
  /** Over the usual variables. */
  readonly environment?: Readonly<Record<string, string>>
}

/** Starts a ledger process and waits until it answers; it may be a standby. */
export async function startLedgerProcess(options: LedgerProcessOptions): Promise<LedgerProcess> {
  const [port, adminPort] = [await freePort(), await freePort()]
  const path = (name: string) => `http://localhost:${adminPort}/${name}`
  const answers = async (name: string) => (await fetch(path(name))).ok
  const process = await startProcess(
    {
      name: 'Ledger',
      command: globalThis.process.execPath,
      args: [...(options.nodeFlags ?? []), assetPath('dist/services/ledger/main.js')],
      cwd: options.folder,
      env: {
        ENVIRONMENT: 'development',
        LISTEN_ADDRESS: `localhost:${port}`,
        ADMIN_ADDRESS: `localhost:${adminPort}`,
        TLS_CERT_FILE: options.tls.certFile,
        TLS_KEY_FILE: options.tls.keyFile,
        TLS_CA_FILE: options.tls.caFile,
        DATABASE_URL: options.databaseUrl,
        LOG_LEVEL: 'warn',
        ...options.environment,
      },
      account: undefined,
      logFile: join(options.folder, `ledger-${port}.log`),
      book: options.book,
      readyWithinMs: 20_000,
    },
    () => answers('livez'),
  )
  return { process, address: `localhost:${port}`, isWriter: () => answers('readyz').catch(() => false) }
}
