import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { assetPath } from '../../runtime/assets.js'
import { type CheckedConfig, configExitCode } from '../../runtime/config.js'
import { createLogger } from '../../runtime/logger.js'
import { createMetrics } from '../../runtime/metrics.js'
import { migrate } from '../../runtime/migrations.js'
import { createPool } from '../../runtime/postgres.js'
import { createServer } from '../../runtime/server.js'
import { readReplayCluster, readReplayDatabaseUrl, readReplayTlsFolder } from '../config.js'
import { MemoryEngine } from '../memory-engine.js'
import { ENGINE_DEFAULTS, PostgresEngine } from '../postgres-engine/postgres-engine.js'
import { transferBinding } from '../server.js'
import { openCluster, type ReplayedCluster } from './replayed-cluster.js'
import {
  type OpenedEngine,
  ReplayClock,
  type ReplayedLedger,
  replayedLedger,
  UnusableLedgerError,
} from './replayed-ledger.js'
import { replayFiles } from './replay-files.js'
import { TransferServiceClient } from './transfer-service-client.js'

/** Starts an empty TigerBeetle cluster. A service starts no servers: this is for who may. */
export type StartCluster = () => Promise<ReplayedCluster>

/** Where engines come from; `empty` is undefined where there is one cluster and no other can be started. */
interface EngineSource {
  shared(): Promise<OpenedEngine>
  readonly empty: (() => Promise<OpenedEngine>) | undefined
}

// What engines say of themselves is no part of what a replay prints.
const log = createLogger({ name: 'ledger-replay', level: 'silent', destination: { write: () => undefined } })

// After every imported timestamp of the transcripts, and well before timestamps end.
const START_NS = 1_750_000_000_000_000_000n

/** Every engine that there is, by the name that --engine takes. */
const ENGINES: ReadonlyMap<string, (startCluster: StartCluster | undefined) => EngineSource> = new Map([
  ['memory', () => ({ shared: openMemory, empty: openMemory })],
  ['postgres', () => ({ shared: openPostgres, empty: openPostgres })],
  ['tigerbeetle', clusters],
])

const usage = `Usage: npm run replay -- --engine ${[...ENGINES.keys()].join('|')} [--grpc] FILE...`

// EX_USAGE of sysexits.h.
const USAGE_EXIT_CODE = 64

/**
 * Replays the files that the arguments name, prints what is said of them, and answers the exit code: 0 everything that
 * was replayed is as recorded, 1 a difference, 64 called wrongly, 78 there is no ledger to replay on. Rejects when a file
 * is no transcript or a ledger fails.
 */
export async function replayCommand(args: readonly string[], startCluster: StartCluster | undefined): Promise<number> {
  const given = readArguments(args)
  if (given === undefined) {
    console.error(usage)
    return USAGE_EXIT_CODE
  }
  const engines = given.engines(startCluster)
  const opened = async (open: () => Promise<OpenedEngine>) => (given.grpc ? throughGrpc(open) : (await open()).ledger)
  const { empty } = engines
  const source = { shared: () => opened(() => engines.shared()), empty: empty && (() => opened(empty)) }
  try {
    return (await replayFiles(source, given.files, console.log)) ? 0 : 1
  } catch (error) {
    if (!(error instanceof UnusableLedgerError)) throw error
    console.error(error.message)
    return configExitCode
  }
}

interface Arguments {
  readonly engines: (startCluster: StartCluster | undefined) => EngineSource
  readonly grpc: boolean
  readonly files: readonly string[]
}

function readArguments(args: readonly string[]): Arguments | undefined {
  try {
    const options = { engine: { type: 'string' }, grpc: { type: 'boolean', default: false } } as const
    const { values, positionals: files } = parseArgs({ args: [...args], allowPositionals: true, options })
    const engines = values.engine === undefined ? undefined : ENGINES.get(values.engine)
    return engines === undefined || files.length === 0 ? undefined : { engines, grpc: values.grpc, files }
  } catch {
    return undefined
  }
}

function required<T>(checked: CheckedConfig<T>): Readonly<T> {
  if (checked.ok) return checked.config
  throw new UnusableLedgerError(checked.problem)
}

function openMemory(): Promise<OpenedEngine> {
  const clock = new ReplayClock(START_NS)
  const engine = new MemoryEngine(clock)
  return Promise.resolve({ engine, ledger: replayedLedger(engine, clock, () => Promise.resolve()) })
}

let databaseCount = 0

/** A database of its own on the server of DATABASE_URL, whose role must be allowed to create databases. */
async function openPostgres(): Promise<OpenedEngine> {
  const { DATABASE_URL: serverUrl } = required(readReplayDatabaseUrl())
  const name = `ledger_replay_${process.pid}_${(databaseCount += 1)}`
  await administer(serverUrl, `create database ${name}`)
  const url = Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href
  const drop = () => administer(serverUrl, `drop database ${name} with (force)`)
  try {
    await migrate(url, assetPath('services/ledger/migrations'))
  } catch (error) {
    await drop()
    throw error
  }
  const pool = createPool({ url, max: 2, applicationName: 'ledger-replay' })
  const clock = new ReplayClock(START_NS)
  const { promise: inOffice, resolve } = withResolvers()
  const observer = { writerChanged: resolve, batchDecided: () => undefined }
  const engine = new PostgresEngine({ ...ENGINE_DEFAULTS, url, pool, clock, log, observer })
  engine.start()
  await inOffice
  const stop = async () => {
    await engine.stop()
    await pool.end()
    await drop()
  }
  return { engine, ledger: replayedLedger(engine, clock, stop) }
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: 'ledger-replay' })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}

/** The cluster of TIGERBEETLE_ADDRESSES, else one that is started. One that is given can't be emptied for a scenario. */
function clusters(startCluster: StartCluster | undefined): EngineSource {
  const started = startCluster && (async () => openCluster(await startCluster(), log))
  const shared = () => {
    const { TIGERBEETLE_ADDRESSES: addresses, TIGERBEETLE_CLUSTER_ID: clusterId } = required(readReplayCluster())
    if (addresses.length > 0) return openCluster({ clusterId, addresses, stop: () => Promise.resolve() }, log)
    if (started !== undefined) return started()
    throw new UnusableLedgerError('TIGERBEETLE_ADDRESSES is missing: give the ip:port of an empty TigerBeetle cluster.')
  }
  return { shared, empty: started }
}

/** The engine behind a TransferService of its own, asked as an operator. */
async function throughGrpc(open: () => Promise<OpenedEngine>): Promise<ReplayedLedger> {
  // Before anything is opened that would have to be closed again.
  const { TLS_FOLDER: folder } = required(readReplayTlsFolder())
  const { engine, ledger } = await open()
  const tls = (peer: string) => ({
    certFile: join(folder, `${peer}.crt`),
    keyFile: join(folder, `${peer}.key`),
    caFile: join(folder, 'ca.crt'),
  })
  const server = createServer({
    name: 'ledger',
    listenAddress: 'localhost:0',
    tls: tls('ledger'),
    bindings: [transferBinding({ engine })],
    reflection: false,
    drainDelayMs: 0,
    log,
    metrics: createMetrics('ledger'),
  })
  try {
    await server.listen()
  } catch (error) {
    await ledger.stop()
    throw error
  }
  const client = new TransferServiceClient({ address: `localhost:${server.port}`, tls: tls('operator') })
  const stop = async () => {
    client.close()
    await server.drain()
    await ledger.stop()
  }
  return { ...ledger, engine: client, stop }
}
