import { cpus, totalmem } from 'node:os'

/** What a run of one measurement gave. Latencies in milliseconds. */
export interface Figures {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** A line of a bench's table: the medians over its runs. */
export interface Row extends Figures {
  readonly case: string
  readonly inFlight: number
  readonly runs: number
}

/** What a bench prints, and with `--json` the last line it prints. */
export interface Report {
  readonly bench: string
  readonly machine: string
  readonly rows: readonly Row[]
  /** Ratios of rows measured in turn, so that they hold while the machine's speed drifts. */
  readonly ratios: Readonly<Record<string, number>>
  /** What else was measured, each with its unit in its name. */
  readonly others?: Readonly<Record<string, number>>
}

export function machine(): string {
  const [cpu] = cpus()
  const memoryGiB = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${memoryGiB} GiB, ${process.platform} ${process.arch}, Node ${process.versions.node}`
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/** The value that the given share of the values does not exceed (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]
  if (value === undefined) throw new Error('no values')
  return value
}

/** One row from several runs: each figure is the median of that figure over the runs. */
export function rowOf(name: string, inFlight: number, runs: readonly Figures[]): Row {
  return {
    case: name,
    inFlight,
    runs: runs.length,
    perSecond: rounded(median(runs.map(({ perSecond }) => perSecond))),
    p50Ms: rounded(median(runs.map(({ p50Ms }) => p50Ms))),
    p99Ms: rounded(median(runs.map(({ p99Ms }) => p99Ms))),
  }
}

export function print(report: Report, asJson: boolean): void {
  console.log(`${report.bench} on ${report.machine}`)
  console.log('')
  console.log('| case | in flight | per second | p50 ms | p99 ms | runs |')
  console.log('| --- | ---: | ---: | ---: | ---: | ---: |')
  for (const row of report.rows) {
    console.log(`| ${row.case} | ${row.inFlight} | ${row.perSecond} | ${row.p50Ms} | ${row.p99Ms} | ${row.runs} |`)
  }
  console.log('')
  for (const [name, value] of Object.entries({ ...report.ratios, ...report.others })) {
    console.log(`${name}: ${rounded(value)}`)
  }
  if (asJson) console.log(JSON.stringify(report))
}

/** Three significant figures: more would be noise. */
export const rounded = (value: number): number => Number(value.toPrecision(3))
