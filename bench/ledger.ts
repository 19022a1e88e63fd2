// How fast the Ledger moves money: a real ledger process on a PostgreSQL cluster of its own, fsync and all, asked through
// one mTLS stream with a coalescing client, as Intent asks it. Load, service and database share this machine.
import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { checkout } from '../dev/checkout.js'
import { CertificateFolder } from '../dev/pki.js'
import { freePort } from '../dev/ports.js'
import { POSTGRES_SUPERUSER, runStatements, startPostgres } from '../dev/postgres.js'
import { ProcessBook } from '../dev/process-book.js'
import { serverHome } from '../dev/server-home.js'
import { EngineAccount, type Transfer } from '../gen/paymesh/ledger/v1/transfer.js'
import { TransferServiceService } from '../gen/paymesh/ledger/v1/transfer_service.js'
import { type SubmitOutcome, SubmitStream } from '../services/intent/submit-stream.js'
import { startLedgerProcess } from '../services/ledger/test/ledger-process.js'
import { type Client, createClient } from '../services/runtime/client.js'
import { systemClock } from '../services/runtime/clock.js'
import { migrate } from '../services/runtime/migrations.js'
import { closedLoop } from './load.js'
import { type Figures, machine, print, type Row, rowOf } from './report.js'

const CREATED = 4294967295
const LINKED = 1
const MUST_NOT_OVERDRAW = 2
const LEDGER = 1
const UNIFORM_ACCOUNTS = 10_000
const RUNS = 3
/** Account 1 is where everything comes from; the others are 1000 onwards. */
const SOURCE = 1n
const HOT = 2n
const FIRST_OTHER = 1000n

/** What one call of a case moves. */
interface Case {
  readonly name: string
  readonly inFlight: number
  /** Transfers of one run. */
  readonly transfers: number
  readonly transfersPerCall: number
  call(): Transfer[]
}

const CASES: readonly Case[] = [
  { name: 'hot pair', inFlight: 1, transfers: 6_000, transfersPerCall: 1, call: () => [hotPair()] },
  { name: 'hot pair', inFlight: 16, transfers: 40_000, transfersPerCall: 1, call: () => [hotPair()] },
  { name: 'hot pair', inFlight: 64, transfers: 80_000, transfersPerCall: 1, call: () => [hotPair()] },
  { name: 'hot pair', inFlight: 256, transfers: 120_000, transfersPerCall: 1, call: () => [hotPair()] },
  { name: 'hot pair', inFlight: 1024, transfers: 120_000, transfersPerCall: 1, call: () => [hotPair()] },
  { name: 'hot account to 1,000', inFlight: 256, transfers: 80_000, transfersPerCall: 1, call: () => [hotToMany()] },
  { name: 'uniform 10,000', inFlight: 256, transfers: 80_000, transfersPerCall: 1, call: () => [uniform()] },
  { name: 'chain of 4', inFlight: 64, transfers: 80_000, transfersPerCall: 4, call: chainOfFour },
  { name: 'batch of 100', inFlight: 8, transfers: 120_000, transfersPerCall: 100, call: () => repeat(100, hotPair) },
]

let lastId = BigInt(Date.now()) << 80n

/** Ids rise, as ids made from the time do. The random part keeps two benches on one store apart. */
function nextId(): { high: bigint; low: bigint } {
  lastId += 1n
  return { high: lastId >> 64n, low: lastId & 0xffff_ffff_ffff_ffffn }
}

function transfer(debit: bigint, credit: bigint, flags = 0): Transfer {
  return {
    id: nextId(),
    debitAccountId: { high: 0n, low: debit },
    creditAccountId: { high: 0n, low: credit },
    amount: { high: 0n, low: 1n },
    pendingId: undefined,
    userData128: undefined,
    userData64: 0n,
    userData32: 0,
    timeoutSeconds: 0,
    ledger: LEDGER,
    code: 1,
    flags,
    timestamp: 0n,
  }
}

function otherAccount(count: number): bigint {
  return FIRST_OTHER + BigInt(Math.floor(Math.random() * count))
}

const hotPair = (): Transfer => transfer(SOURCE, HOT)
const hotToMany = (): Transfer => transfer(SOURCE, otherAccount(1000))

function uniform(): Transfer {
  const debit = otherAccount(UNIFORM_ACCOUNTS)
  const credit = FIRST_OTHER + ((debit - FIRST_OTHER + 1n + BigInt(Math.floor(Math.random() * 9_000))) % 10_000n)
  return transfer(debit, credit)
}

/** A payment with a fee: payer to transit, transit to payee, transit to fees, and a limit leg before them. */
function chainOfFour(): Transfer[] {
  const [payer, payee] = [SOURCE, otherAccount(1000)]
  return [
    transfer(payer, HOT, LINKED),
    transfer(payer, HOT, LINKED),
    transfer(HOT, payee, LINKED),
    transfer(HOT, FIRST_OTHER + 1001n),
  ]
}

function repeat(count: number, make: () => Transfer): Transfer[] {
  return Array.from({ length: count }, make)
}

async function makeAccounts(client: Client<typeof TransferServiceService>): Promise<void> {
  const ids = [SOURCE, HOT, ...Array.from({ length: UNIFORM_ACCOUNTS + 1000 }, (_, i) => FIRST_OTHER + BigInt(i))]
  const account = (id: bigint): EngineAccount =>
    EngineAccount.fromPartial({
      id: { high: 0n, low: id },
      ledger: LEDGER,
      code: 1,
      flags: id === SOURCE ? MUST_NOT_OVERDRAW : 0,
    })
  for (let start = 0; start < ids.length; start += 250) {
    const { results } = await client.createAccounts({ accounts: ids.slice(start, start + 250).map(account) })
    if (results.some(({ status }) => status !== CREATED)) throw new Error('the accounts could not be made')
  }
  const funding = { ...transfer(HOT, SOURCE), amount: { high: 0n, low: 1n << 62n } }
  const { results } = await client.createTransfers({ transfers: [funding] })
  if (results[0]?.status !== CREATED) throw new Error('the source could not be funded')
}

function assertCreated(outcome: SubmitOutcome): void {
  const created = outcome.kind === 'decided' && outcome.statuses.every((status) => status === CREATED)
  if (!created) throw new Error(`a transfer was not created: ${JSON.stringify(outcome)}`)
}

async function measure(stream: SubmitStream, measured: Case): Promise<Figures> {
  const calls = Math.ceil(measured.transfers / measured.transfersPerCall)
  const figures = await closedLoop(calls, measured.inFlight, async () => {
    assertCreated(await stream.submit(measured.call()))
  })
  return { ...figures, perSecond: figures.perSecond * measured.transfersPerCall }
}

async function run(folder: string, book: ProcessBook, stops: (() => Promise<unknown>)[]): Promise<Row[]> {
  const home = serverHome(folder)
  const port = await freePort()
  const logFile = join(folder, 'postgres.log')
  // The size that a server with the ledger's working set in memory would have; the rest is the server's own default.
  const settings = { shared_buffers: '1GB', max_wal_size: '4GB' }
  const postgres = await startPostgres({ home, book, logFile, port, password: undefined, settings })
  stops.unshift(() => postgres.process.stop())
  await runStatements(postgres.url('postgres', POSTGRES_SUPERUSER), [
    'create role ledger login',
    'create database ledger owner ledger',
  ])
  const databaseUrl = postgres.url('ledger', 'ledger')
  await migrate(databaseUrl, join(checkout, 'services/ledger/migrations'))

  const certificates = await CertificateFolder.open(join(folder, 'tls'), Date.now())
  const tls = await certificates.issuePeer('ledger', Date.now())
  const profile = process.argv.includes('--profile') ? ['--cpu-prof', `--cpu-prof-dir=${process.cwd()}`] : []
  const ledger = await startLedgerProcess({ databaseUrl, tls, book, folder, nodeFlags: profile })
  stops.unshift(() => ledger.process.stop())
  while (!(await ledger.isWriter())) await new Promise((resolve) => setTimeout(resolve, 20))

  const client = createClient(TransferServiceService, {
    address: ledger.address,
    peer: 'ledger',
    tls: await certificates.issuePeer('intent', Date.now()),
    serviceConfig: 'proto/paymesh/ledger/v1/ledger_service_config.json',
  })
  await makeAccounts(client)
  const stream = new SubmitStream(
    {
      open: () => client.submit(),
      nowMs: () => systemClock.nowMs(),
      random: Math.random,
      onBreak: (cause) => {
        console.error(`the stream broke: ${cause}`)
      },
    },
    100_000,
  )
  stops.unshift(() => {
    stream.close()
    client.close()
    return Promise.resolve()
  })

  const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length)
  const cases = CASES.filter(({ name, inFlight }) => only === undefined || `${name} ${inFlight}`.includes(only))
  const rows: Row[] = []
  for (const measured of cases) {
    const runs: Figures[] = []
    for (let count = 0; count < RUNS; count++) runs.push(await measure(stream, measured))
    rows.push(rowOf(measured.name, measured.inFlight, runs))
  }
  return rows
}

const folder = join(checkout, '.paymesh', 'bench', `ledger-${randomUUID()}`)
mkdirSync(folder, { recursive: true })
const stops: (() => Promise<unknown>)[] = []
try {
  const rows = await run(folder, new ProcessBook(join(folder, 'processes.json')), stops)
  print({ bench: 'ledger', machine: machine(), rows, ratios: {} }, process.argv.includes('--json'))
} finally {
  for (const stop of stops) await stop()
  rmSync(folder, { recursive: true, force: true })
}
