// Thousands of watchers on one Intent: what each costs in memory, how soon it is told, and what payments notice of it.
//
// npm run bench:watchers -- [--watchers N] [--intents N] [--rate N] [--runs N] [--json]
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import {
  CancelIntentRequest,
  type CancelIntentResponse,
  ConfirmIntentRequest,
  type ConfirmIntentResponse,
} from '../gen/paymesh/intent/v1/intent_service.js'
import { IntentState } from '../gen/paymesh/intent/v1/intent.js'
import { answered, benchMesh, type Person } from './bench-mesh.js'
import { closedLoop } from './load.js'
import { bounded } from './options.js'
import { holdDirectly, payDirectly, people, personAt } from './payments.js'
import { type Figures, machine, median, percentile, rounded } from './report.js'
import { checkTold, watch, type Watch } from './watch.js'

interface Hold {
  readonly payer: Person
  readonly name: string
}

/** What one run gave. */
interface Run {
  readonly openedPerSecond: number
  /** What Intent's resident memory grew by for each watcher; in runs after the first less, for the heap has grown. */
  readonly kibPerWatcher: number
  /** Payments before the watchers came and after they were gone. */
  readonly without: readonly [Figures, Figures]
  readonly open: Figures
  /** From the answer to who confirmed or cancelled until a watcher is told: the median, the 99th and the longest. */
  readonly toldP50Ms: number
  readonly toldP99Ms: number
  readonly toldMaxMs: number
}

const { values } = parseArgs({
  options: {
    watchers: { type: 'string', default: '5000' },
    intents: { type: 'string', default: '500' },
    rate: { type: 'string', default: '50' },
    runs: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
})
// As many as one Intent takes.
const watcherCount = bounded('--watchers', values.watchers, { least: 1, most: 10_000 })
const intentCount = bounded('--intents', values.intents, { least: 1, most: watcherCount })
/** Outcomes a second. */
const rate = bounded('--rate', values.rate, { least: 1, most: 1000 })
const runCount = bounded('--runs', values.runs, { least: 1, most: 20 })
// Well below what the server takes on one, as the edge's would be spread.
const watchersOfConnection = 1000
const paymentCount = 2000
const inFlight = 16

const mesh = await benchMesh(people, 10_000_000_00n)
const connections = Array.from({ length: Math.ceil(watcherCount / watchersOfConnection) }, () => mesh.connectIntents())
try {
  for (let warmUp = 0; warmUp < 3; warmUp++) await payments()
  const runs: Run[] = []
  for (let index = 0; index < runCount; index++) runs.push(await run())
  report(runs)
} finally {
  for (const connection of connections) connection.close()
  await mesh.stop()
}

async function run(): Promise<Run> {
  const before = await payments()
  const holds = await holdAll()
  const memoryBefore = intentMiB()
  const startMs = performance.now()
  const watches = await watchAll(holds)
  const openedPerSecond = (watcherCount * 1000) / (performance.now() - startMs)
  const kibPerWatcher = ((intentMiB() - memoryBefore) * 1024) / watcherCount
  const open = await payments()
  const toldMs = await decideAll(holds, watches)
  const [toldP50Ms, toldP99Ms, toldMaxMs] = [percentile(toldMs, 0.5), percentile(toldMs, 0.99), percentile(toldMs, 1)]
  const without = [before, await payments()] as const
  return { openedPerSecond, kibPerWatcher, without, open, toldP50Ms, toldP99Ms, toldMaxMs }
}

function payments(): Promise<Figures> {
  return closedLoop(paymentCount, inFlight, (index) => payDirectly(mesh, ...personAt(mesh, index)))
}

async function holdAll(): Promise<Hold[]> {
  const holds: Hold[] = []
  await closedLoop(intentCount, inFlight, async (index) => {
    const [payer, payee] = personAt(mesh, index)
    holds.push({ payer, name: await holdDirectly(mesh, payer, payee) })
  })
  return holds
}

async function watchAll(holds: readonly Hold[]): Promise<Watch[]> {
  const watches: Watch[] = []
  await closedLoop(watcherCount, inFlight, async (index) => {
    const hold = holds[index % holds.length]
    const connection = connections[index % connections.length]
    if (hold === undefined || connection === undefined) throw new Error('nothing to watch')
    const opened = watch(connection, hold.payer, hold.name)
    watches.push(opened)
    await opened.opened
  })
  return watches
}

/** Confirms and cancels the holds in turn, each at its time, and answers how long after it each watcher was told. */
async function decideAll(holds: readonly Hold[], watches: readonly Watch[]): Promise<number[]> {
  const startMs = performance.now()
  const decided = holds.map(async (hold, index): Promise<[string, Decided]> => {
    await delay(startMs + (index * 1000) / rate - performance.now())
    const outcome = index % 2 === 0 ? await confirm(hold) : await cancel(hold)
    return [hold.name, { outcome, answeredMs: performance.now() }]
  })
  const outcomes = new Map(await Promise.all(decided))
  return await Promise.all(
    watches.map(async (watched) => {
      await watched.ended
      const { outcome, answeredMs } = outcomes.get(watched.name) ?? { outcome: IntentState.UNRECOGNIZED, answeredMs: 0 }
      checkTold(watched, outcome)
      // Who is told before the one who asked was not kept waiting.
      return Math.max(0, watched.shownMs() - answeredMs)
    }),
  )
}

interface Decided {
  readonly outcome: IntentState
  readonly answeredMs: number
}

async function confirm({ name, payer }: Hold): Promise<IntentState> {
  const request = ConfirmIntentRequest.fromPartial({ name, requestId: randomUUID() })
  const { intent } = await answered<ConfirmIntentResponse>((done) =>
    mesh.intents.confirmIntent(request, payer.metadata, { deadline: Date.now() + 30_000 }, done),
  )
  if (intent?.state !== IntentState.SETTLED) throw new Error(`a confirmed payment is in state ${intent?.state}`)
  return intent.state
}

async function cancel({ name, payer }: Hold): Promise<IntentState> {
  const request = CancelIntentRequest.fromPartial({ name, requestId: randomUUID() })
  const { intent } = await answered<CancelIntentResponse>((done) =>
    mesh.intents.cancelIntent(request, payer.metadata, { deadline: Date.now() + 30_000 }, done),
  )
  if (intent?.state !== IntentState.CANCELLED) throw new Error(`a cancelled payment is in state ${intent?.state}`)
  return intent.state
}

function intentMiB(): number {
  const { intent } = mesh.residentMiB()
  if (intent === undefined) throw new Error('nobody measured Intent')
  return intent
}

function mean([before, after]: readonly [Figures, Figures], figure: keyof Figures): number {
  return (before[figure] + after[figure]) / 2
}

function report(runs: readonly Run[]): void {
  const of = (figure: (run: Run) => number) => rounded(median(runs.map(figure)))
  const figures = {
    'watchers opened a second': of(({ openedPerSecond }) => openedPerSecond),
    'Intent, KiB a watcher (first run)': rounded(runs[0]?.kibPerWatcher ?? 0),
    'told after p50 ms': of(({ toldP50Ms }) => toldP50Ms),
    'told after p99 ms': of(({ toldP99Ms }) => toldP99Ms),
    'told after at most ms': rounded(Math.max(...runs.map(({ toldMaxMs }) => toldMaxMs))),
    'payments/s without watchers': of(({ without }) => mean(without, 'perSecond')),
    'payments/s with them open': of(({ open }) => open.perSecond),
    'payments/s, with ÷ without': of(({ open, without }) => open.perSecond / mean(without, 'perSecond')),
    'payments p99, with ÷ without': of(({ open, without }) => open.p99Ms / mean(without, 'p99Ms')),
  }
  console.log(`bench:watchers on ${machine()}: ${watcherCount} watchers of ${intentCount} intents, ${rate} outcomes/s`)
  console.log('')
  for (const [name, value] of Object.entries(figures)) console.log(`${name}: ${value}`)
  const given = { watcherCount, intentCount, rate }
  if (values.json) console.log(JSON.stringify({ bench: 'bench:watchers', machine: machine(), ...given, runs, figures }))
}
