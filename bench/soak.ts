// Payments for a long time: whether rate, latency and memory stay what they are.
//
// npm run bench:soak -- [--minutes N] [--in-flight N] [--json]
import { parseArgs } from 'node:util'
import { benchMesh } from './bench-mesh.js'
import { closedLoop } from './load.js'
import { bounded } from './options.js'
import { payDirectly, people, personAt } from './payments.js'
import { type Figures, machine, median, rounded } from './report.js'

/** What one minute gave. */
interface Minute extends Figures {
  /** Resident memory at its end, by service, in MiB. */
  readonly residentMiB: Readonly<Record<string, number>>
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    'in-flight': { type: 'string', default: '64' },
    json: { type: 'boolean', default: false },
  },
})
const minuteCount = bounded('--minutes', values.minutes, { least: 3, most: 240 })
const inFlight = bounded('--in-flight', values['in-flight'], { least: 1, most: 1024 })
/** Small runs, so that a minute is one to within a second or two. */
const paymentsOfRun = Math.max(100, 4 * inFlight)

const mesh = await benchMesh(people, 1_000_000_000_00n)
try {
  const minutes: Minute[] = []
  for (let index = 0; index < minuteCount; index++) minutes.push(await minute())
  report(minutes)
} finally {
  await mesh.stop()
}

async function minute(): Promise<Minute> {
  const runs: Figures[] = []
  const endMs = performance.now() + 60_000
  while (performance.now() < endMs) {
    runs.push(await closedLoop(paymentsOfRun, inFlight, (index) => payDirectly(mesh, ...personAt(mesh, index))))
  }
  const of = (figure: keyof Figures) => median(runs.map((run) => run[figure]))
  const figures = { perSecond: of('perSecond'), p50Ms: of('p50Ms'), p99Ms: of('p99Ms') }
  return { ...figures, residentMiB: mesh.residentMiB() }
}

function report(minutes: readonly Minute[]): void {
  const services = Object.keys(minutes[0]?.residentMiB ?? {})
  console.log(`bench:soak on ${machine()}, ${inFlight} in flight`)
  console.log('')
  console.log(`| minute | per second | p50 ms | p99 ms | ${services.map((name) => `${name} MiB`).join(' | ')} |`)
  console.log(`| ---: | ---: | ---: | ---: | ${services.map(() => '---:').join(' | ')} |`)
  for (const [index, { perSecond, p50Ms, p99Ms, residentMiB }] of minutes.entries()) {
    const figures = [perSecond, p50Ms, p99Ms, ...Object.values(residentMiB)].map(rounded)
    console.log(`| ${index + 1} | ${figures.join(' | ')} |`)
  }
  const third = Math.floor(minutes.length / 3)
  const ratioOf = (of: (minute: Minute) => number) =>
    rounded(median(minutes.slice(-third).map(of)) / median(minutes.slice(0, third).map(of)))
  const ratios = {
    'payments/s, last third ÷ first': ratioOf(({ perSecond }) => perSecond),
    'p99, last third ÷ first': ratioOf(({ p99Ms }) => p99Ms),
    ...Object.fromEntries(
      services.map((name) => [
        `memory of ${name}, last third ÷ first`,
        ratioOf(({ residentMiB }) => residentMiB[name] ?? 0),
      ]),
    ),
  }
  console.log('')
  for (const [name, ratio] of Object.entries(ratios)) console.log(`${name}: ${ratio}`)
  if (values.json) console.log(JSON.stringify({ bench: 'bench:soak', machine: machine(), inFlight, minutes, ratios }))
}
