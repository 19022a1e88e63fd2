// Replays transcripts on an engine: node dist/services/ledger/replay.js --engine ENGINE [--grpc] FILE...
// Exit codes: 0 everything as recorded, 1 a difference or a failure, 64 called wrongly (EX_USAGE), 78 something of the
// environment is missing (EX_CONFIG). docs/ledger.md says how operators use it.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { assetPath } from '../runtime/assets.js'
import { createLogger } from '../runtime/logger.js'
import { createMetrics } from '../runtime/metrics.js'
import { migrate } from '../runtime/migrations.js'
import { createPool } from '../runtime/postgres.js'
import { createServer } from '../runtime/server.js'
import { readReplayDatabaseUrl, readReplayTlsFolder } from './config.js'
import { type Engine } from './engine.js'
import { MemoryEngine } from './memory-engine.js'
import { ENGINE_DEFAULTS, PostgresEngine } from './postgres-engine/postgres-engine.js'
import { ReplayClock, type ReplayedLedger, replayedLedger } from './replay/replayed-ledger.js'
import { replayFiles } from './replay/replay-files.js'
import { TransferServiceClient } from './replay/transfer-service-client.js'
import { transferBinding } from './server.js'

/** An empty engine and what its time follows from. */
interface OpenedEngine {
  readonly engine: Engine
  readonly ledger: ReplayedLedger
}

// What engines say of themselves is no part of what a replay prints.
const log = createLogger({ name: 'ledger-replay', level: 'silent', destination: { write: () => undefined } })

// After every imported timestamp of the transcripts, and well before timestamps end.
const START_NS = 1_750_000_000_000_000_000n

/** Every engine that there is, by the name that --engine takes; each call opens an empty one. */
const ENGINES: ReadonlyMap<string, () => Promise<OpenedEngine>> = new Map([
  ['memory', openMemory],
  ['postgres', openPostgres],
])

const usage = `Usage: npm run replay -- --engine ${[...ENGINES.keys()].join('|')} [--grpc] FILE...`

function openMemory(): Promise<OpenedEngine> {
  const clock = new ReplayClock(START_NS)
  const engine = new MemoryEngine(clock)
  return Promise.resolve({ engine, ledger: replayedLedger(engine, clock, () => Promise.resolve()) })
}

let databaseCount = 0

/** A database of its own on the server of DATABASE_URL, whose role must be allowed to create databases. */
async function openPostgres(): Promise<OpenedEngine> {
  const serverUrl = readReplayDatabaseUrl()
  const name = `ledger_replay_${process.pid}_${(databaseCount += 1)}`
  await administer(serverUrl, `create database ${name}`)
  const url = Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href
  await migrate(url, assetPath('services/ledger/migrations'))
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
    await administer(serverUrl, `drop database ${name} with (force)`)
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

/** The engine behind a TransferService of its own, asked as an operator. */
async function throughGrpc({ engine, ledger }: OpenedEngine): Promise<ReplayedLedger> {
  const folder = readReplayTlsFolder()
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
  await server.listen()
  const client = new TransferServiceClient({ address: `localhost:${server.port}`, tls: tls('operator') })
  const stop = async () => {
    client.close()
    await server.drain()
    await ledger.stop()
  }
  return { ...ledger, engine: client, stop }
}

interface Arguments {
  readonly open: () => Promise<OpenedEngine>
  readonly grpc: boolean
  readonly files: readonly string[]
}

function readArguments(): Arguments | undefined {
  try {
    const options = { engine: { type: 'string' }, grpc: { type: 'boolean', default: false } } as const
    const { values, positionals: files } = parseArgs({ allowPositionals: true, options })
    const open = values.engine === undefined ? undefined : ENGINES.get(values.engine)
    return open === undefined || files.length === 0 ? undefined : { open, grpc: values.grpc, files }
  } catch {
    return undefined
  }
}

const given = readArguments()
if (given === undefined) {
  console.error(usage)
  process.exitCode = 64
} else {
  const { open, grpc, files } = given
  const opened = async () => (grpc ? throughGrpc(await open()) : (await open()).ledger)
  const same = await replayFiles(opened, files, console.log)
  process.exitCode = same ? 0 : 1
}
