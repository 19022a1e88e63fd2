// What the Ledger costs on top of TigerBeetle: the native client alone, and a real ledger process on the same cluster,
// asked through one mTLS stream with a coalescing client as Intent asks it; in turn, so that the ratio holds while the
// machine's speed drifts. The cluster is one replica as `make up` starts it. Load, service and server share this machine.
import { join } from 'node:path'
import { type Client, createClient as createTigerBeetleClient } from 'tigerbeetle-node'
import { LaunchError } from '../dev/launch-error.js'
import { freePort } from '../dev/ports.js'
import { ProcessBook } from '../dev/process-book.js'
import { startTigerBeetle, tigerBeetleBinary } from '../dev/tigerbeetle.js'
import { type Transfer } from '../services/ledger/state-machine/transfer.js'
import { accountRecord, transferRecord } from '../services/ledger/tigerbeetle-engine/records.js'
import { wireTransfer } from '../services/ledger/wire.js'
import { configExitCode } from '../services/runtime/config.js'
import { inBenchFolder, type Stops } from './bench-folder.js'
import { startBenchLedger } from './bench-ledger.js'
import { closedLoop } from './load.js'
import { type BenchOptions, benchOptions } from './options.js'
import { type Figures, machine, print, type Row, rowOf } from './report.js'

const CREATED = 4294967295
const LEDGER = 1
const SOURCE = 1n
const HOT = 2n
const BATCH = 253
// Of this many batches the client keeps one under way and has the next at hand.
const BATCHES_IN_FLIGHT = 4
// A single caller does a few hundred calls a second; more of them would only take longer.
const CALLS_PER_CALLER_MAX = 1_000

/** Decides transfers together and answers their statuses. */
type Submit = (transfers: Transfer[]) => Promise<readonly number[]>

let lastId = BigInt(Date.now()) << 80n

/** Ids rise, as ids made from the time do. */
function transfer(): Transfer {
  lastId += 1n
  return {
    id: lastId,
    debitAccountId: SOURCE,
    creditAccountId: HOT,
    amount: 1n,
    pendingId: 0n,
    userData128: 0n,
    userData64: 0n,
    userData32: 0,
    timeoutSeconds: 0,
    ledger: LEDGER,
    code: 1,
    flags: 0,
    timestamp: 0n,
  }
}

async function makeAccounts(client: Client): Promise<void> {
  const counters = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n }
  const fields = { userData128: 0n, userData64: 0n, userData32: 0, reserved: 0, flags: 0, timestamp: 0n }
  const account = (id: bigint) => accountRecord({ id, ...counters, ...fields, ledger: LEDGER, code: 1 })
  const results = await client.createAccounts([SOURCE, HOT].map(account))
  const statuses: number[] = results.map(({ status }) => status)
  if (statuses.some((status) => status !== CREATED)) throw new Error('the accounts could not be made')
}

/** A ledger process on the cluster, and the stream to it. */
async function throughGrpc(folder: string, book: ProcessBook, cluster: string, stops: Stops): Promise<Submit> {
  const environment = { LEDGER_ENGINE: 'tigerbeetle', TIGERBEETLE_ADDRESSES: cluster }
  const { stream } = await startBenchLedger({ folder, book, stops, environment })
  return async (transfers) => {
    const outcome = await stream.submit(transfers.map(wireTransfer))
    if (outcome.kind === 'unknown') throw new Error(outcome.cause)
    return outcome.statuses
  }
}

/** The client alone, in the process that makes the load. */
function raw(client: Client): Submit {
  return async (transfers) => {
    const results = await client.createTransfers(transfers.map(transferRecord))
    return results.map(({ status }) => status)
  }
}

interface Case {
  readonly name: string
  readonly inFlight: number
  readonly transfersPerCall: number
  readonly calls: number
}

function cases({ count, inFlight }: BenchOptions): Case[] {
  const single = inFlight.map((callers) => {
    const calls = Math.min(count, callers * CALLS_PER_CALLER_MAX)
    return { name: 'one transfer', inFlight: callers, transfersPerCall: 1, calls }
  })
  const batches = { inFlight: BATCHES_IN_FLIGHT, transfersPerCall: BATCH, calls: Math.ceil((count * 2) / BATCH) }
  return [...single, { name: `batches of ${BATCH}`, ...batches }]
}

async function measure(submit: Submit, { inFlight, transfersPerCall, calls }: Case): Promise<Figures> {
  const figures = await closedLoop(calls, inFlight, async () => {
    const statuses = await submit(Array.from({ length: transfersPerCall }, transfer))
    if (statuses.length !== transfersPerCall || statuses.some((status) => status !== CREATED)) {
      throw new Error(`a transfer was not created: ${statuses.join()}`)
    }
  })
  return { ...figures, perSecond: figures.perSecond * transfersPerCall }
}

async function run(binary: string, folder: string, options: BenchOptions, stops: Stops): Promise<void> {
  const book = new ProcessBook(join(folder, 'processes.json'))
  const logFile = join(folder, 'tigerbeetle.log')
  const cluster = await startTigerBeetle({ binary, folder, book, logFile, port: await freePort() })
  stops.unshift(() => cluster.process.stop())
  const client = createTigerBeetleClient({ cluster_id: 0n, replica_addresses: [cluster.address] })
  stops.unshift(() => {
    client.destroy()
    return Promise.resolve()
  })
  await makeAccounts(client)
  const ways = { raw: raw(client), gRPC: await throughGrpc(folder, book, cluster.address, stops) }

  const rows: Row[] = []
  const ratios: Record<string, number> = {}
  for (const measured of cases(options)) {
    const figures: Record<keyof typeof ways, Figures[]> = { raw: [], gRPC: [] }
    for (let count = 0; count < options.runs; count++) {
      figures.raw.push(await measure(ways.raw, measured))
      figures.gRPC.push(await measure(ways.gRPC, measured))
    }
    const { name, inFlight } = measured
    const native = rowOf(`${name}, native client`, inFlight, figures.raw)
    const ours = rowOf(`${name}, through gRPC`, inFlight, figures.gRPC)
    rows.push(native, ours)
    ratios[`through gRPC / native, ${name}, ${inFlight} in flight`] = ours.perSecond / native.perSecond
  }
  print({ bench: 'ledger on TigerBeetle', machine: machine(), rows, ratios }, options.json)
}

try {
  const binary = tigerBeetleBinary(process.env)
  const args = process.argv.slice(2).filter((argument) => argument !== '--profile')
  const options = benchOptions(args, { count: 20_000, inFlight: [1, 64, 256], runs: 3 })
  await inBenchFolder('ledger-tigerbeetle', (folder, stops) => run(binary, folder, options, stops))
} catch (error) {
  if (!(error instanceof LaunchError)) throw error
  console.error(error.message)
  process.exitCode = configExitCode
}
