// A ledger process on a PostgreSQL cluster of its own, fsync and all, and one mTLS stream to it with a coalescing client, as
// Intent asks it. Load, service and database share this machine.
import { join } from 'node:path'
import { checkout } from '../dev/checkout.js'
import { CertificateFolder } from '../dev/pki.js'
import { freePort } from '../dev/ports.js'
import { POSTGRES_SUPERUSER, runStatements, startPostgres } from '../dev/postgres.js'
import { type ProcessBook } from '../dev/process-book.js'
import { serverHome } from '../dev/server-home.js'
import { TransferServiceService } from '../gen/paymesh/ledger/v1/transfer_service.js'
import { SubmitStream } from '../services/intent/ledger/submit-stream.js'
import { startLedgerProcess } from '../services/ledger/test/ledger-process.js'
import { type Client, createClient } from '../services/runtime/client.js'
import { systemClock } from '../services/runtime/clock.js'
import { migrate } from '../services/runtime/migrations.js'
import { type Stops } from './bench-folder.js'

export interface BenchLedger {
  readonly client: Client<typeof TransferServiceService>
  readonly stream: SubmitStream
  /** Of the service. */
  readonly pid: number
}

export interface BenchLedgerOptions {
  readonly folder: string
  readonly book: ProcessBook
  readonly stops: Stops
  /** Over the usual variables of the service. */
  readonly environment?: Readonly<Record<string, string>>
}

// The size that a server with the ledger's working set in memory would have; the rest is the server's own default.
const SETTINGS = { shared_buffers: '1GB', max_wal_size: '4GB' }

/** Starts all of it. `--profile` on the command line has the service write a CPU profile into the current folder. */
export async function startBenchLedger({ folder, book, stops, environment }: BenchLedgerOptions): Promise<BenchLedger> {
  const databaseUrl = await startDatabase(folder, book, stops)
  const certificates = await CertificateFolder.open(join(folder, 'tls'), Date.now())
  const tls = await certificates.issuePeer('ledger', Date.now())
  const nodeFlags = process.argv.includes('--profile') ? ['--cpu-prof', `--cpu-prof-dir=${process.cwd()}`] : []
  const ledger = await startLedgerProcess({ databaseUrl, tls, book, folder, nodeFlags, environment: environment ?? {} })
  stops.unshift(() => ledger.process.stop())
  while (!(await ledger.isWriter())) await new Promise((resolve) => setTimeout(resolve, 20))

  const client = createClient(TransferServiceService, {
    address: ledger.address,
    peer: 'ledger',
    tls: await certificates.issuePeer('intent', Date.now()),
    serviceConfig: 'proto/paymesh/ledger/v1/ledger_service_config.json',
  })
  const onBreak = (cause: string) => {
    console.error(`the stream broke: ${cause}`)
  }
  const nowMs = () => systemClock.nowMs()
  const stream = new SubmitStream({ open: () => client.submit(), nowMs, random: Math.random, onBreak }, 100_000)
  stops.unshift(() => {
    stream.close()
    client.close()
    return Promise.resolve()
  })
  return { client, stream, pid: ledger.process.pid }
}

async function startDatabase(folder: string, book: ProcessBook, stops: Stops): Promise<string> {
  const [home, port, logFile] = [serverHome(folder), await freePort(), join(folder, 'postgres.log')]
  const postgres = await startPostgres({ home, book, logFile, port, password: undefined, settings: SETTINGS })
  stops.unshift(() => postgres.process.stop())
  const statements = ['create role ledger login', 'create database ledger owner ledger']
  await runStatements(postgres.url('postgres', POSTGRES_SUPERUSER), statements)
  const url = postgres.url('ledger', 'ledger')
  await migrate(url, join(checkout, 'services/ledger/migrations'))
  return url
}
