// How fast the Ledger moves money (bench-ledger.ts has the set-up).
//
//     npm run bench:ledger -- [--only TEXT] [--runs N] [--history N] [--profile] [--json]
//
// --only runs the cases whose name and callers hold the text. --history has a second Ledger move N transfers first, and
// measures every case on both in turn: the ratio says what history costs, and holds while the machine's speed drifts.
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ProcessBook } from '../dev/process-book.js'
import { EngineAccount, type Transfer } from '../gen/paymesh/ledger/v1/transfer.js'
import { type TransferServiceService } from '../gen/paymesh/ledger/v1/transfer_service.js'
import { type SubmitOutcome, type SubmitStream } from '../services/intent/ledger/submit-stream.js'
import { type Client } from '../services/runtime/client.js'
import { inBenchFolder, type Stops } from './bench-folder.js'
import { type BenchLedger, startBenchLedger } from './bench-ledger.js'
import { closedLoop } from './load.js'
import { bounded } from './options.js'
import { type Figures, machine, print, type Row, rowOf } from './report.js'

const CREATED = 4294967295
const LINKED = 1
const MUST_NOT_OVERDRAW = 2
const LEDGER = 1
const UNIFORM_ACCOUNTS = 10_000
const CALLERS = [1, 16, 64, 256, 1024]
// The history is made in large calls, a few at once: how it is made is not measured.
const HISTORY_BATCH = 250
const HISTORY_IN_FLIGHT = 8
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
  ...inFlightEach('hot pair', hotPair, [6_000, 40_000, 80_000, 120_000, 120_000]),
  ...inFlightEach('uniform 10,000', uniform, [6_000, 40_000, 60_000, 80_000, 80_000]),
  { name: 'hot account to 1,000', inFlight: 256, transfers: 80_000, transfersPerCall: 1, call: () => [hotToMany()] },
  { name: 'chain of 4', inFlight: 64, transfers: 80_000, transfersPerCall: 4, call: chainOfFour },
  { name: 'batch of 100', inFlight: 8, transfers: 120_000, transfersPerCall: 100, call: () => repeat(100, hotPair) },
]

/** One transfer a call; `transfers` of a run for each number of callers. */
function inFlightEach(name: string, make: () => Transfer, transfers: readonly number[]): Case[] {
  return CALLERS.map((inFlight, index) => ({
    name,
    inFlight,
    transfers: transfers[index] ?? 1,
    transfersPerCall: 1,
    call: () => [make()],
  }))
}

let lastId = BigInt(Date.now()) << 80n

/** Ids rise, as ids made from the time do. */
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

function hotPair(): Transfer {
  return transfer(SOURCE, HOT)
}

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

/** Moves money until the store holds so many more transfers, spread over all accounts; says how far it is. */
async function addHistory(stream: SubmitStream, count: number): Promise<void> {
  const calls = Math.ceil(count / HISTORY_BATCH)
  const started = performance.now()
  await closedLoop(calls, HISTORY_IN_FLIGHT, async (index) => {
    assertCreated(await stream.submit(repeat(HISTORY_BATCH, uniform)))
    if (index % 4_000 !== 0 || index === 0) return
    const seconds = Math.round((performance.now() - started) / 1000)
    console.error(`${index * HISTORY_BATCH} of ${count} transfers of history after ${seconds} s`)
  })
}

/** Peak memory of the service so far; NaN where the system does not say. */
function peakMemoryMiB(pid: number): number {
  const file = `/proc/${pid}/status`
  const peak = existsSync(file) ? /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(file, 'utf8'))?.[1] : undefined
  return Number(peak ?? NaN) / 1024
}

/** A Ledger to measure, and what is said of it after each case's name. */
interface Measured {
  readonly ledger: BenchLedger
  readonly suffix: string
}

async function startMeasured(folder: string, history: number, stops: Stops): Promise<Measured> {
  mkdirSync(folder, { recursive: true })
  const ledger = await startBenchLedger({ folder, book: new ProcessBook(join(folder, 'processes.json')), stops })
  await makeAccounts(ledger.client)
  if (history > 0) await addHistory(ledger.stream, history)
  return { ledger, suffix: history > 0 ? ` after ${history}` : '' }
}

/** A row for each Ledger, from runs in turn. */
async function measureInTurn(ledgers: readonly Measured[], measured: Case, runs: number): Promise<Row[]> {
  const figures = ledgers.map((): Figures[] => [])
  for (let count = 0; count < runs; count++) {
    for (const [index, { ledger }] of ledgers.entries()) figures[index]?.push(await measure(ledger.stream, measured))
  }
  const nameOf = (suffix: string) => `${measured.name}${suffix}`
  return ledgers.map(({ suffix }, index) => rowOf(nameOf(suffix), measured.inFlight, figures[index] ?? []))
}

async function run(folder: string, stops: Stops): Promise<void> {
  const { only, runs, history, json } = readOptions()
  const ledgers = [await startMeasured(join(folder, 'empty'), 0, stops)]
  if (history > 0) ledgers.push(await startMeasured(join(folder, 'history'), history, stops))
  const rows: Row[] = []
  const ratios: Record<string, number> = {}
  for (const measured of CASES.filter(({ name, inFlight }) => `${name} ${inFlight} `.includes(only))) {
    const [empty, withHistory] = await measureInTurn(ledgers, measured, runs)
    rows.push(...[empty, withHistory].filter((row) => row !== undefined))
    if (empty === undefined || withHistory === undefined) continue
    ratios[`${withHistory.case} / on the empty store, ${measured.inFlight} in flight`] =
      withHistory.perSecond / empty.perSecond
  }
  const memory = ledgers.map(({ ledger, suffix }): [string, number] => [
    `memory of the service at its peak${suffix}, MiB`,
    peakMemoryMiB(ledger.pid),
  ])
  print({ bench: 'ledger', machine: machine(), rows, ratios, others: Object.fromEntries(memory) }, json)
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      runs: { type: 'string', default: '3' },
      history: { type: 'string', default: '0' },
      profile: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const { only, json } = values
  const runs = bounded('--runs', values.runs, { least: 1, most: 100 })
  const history = bounded('--history', values.history, { least: 0, most: 100_000_000 })
  return { only, json, runs, history }
}

await inBenchFolder('ledger', run)
