import { parseArgs } from 'node:util'

/** How much a bench does. All bounded, so that no bench runs away. */
export interface BenchOptions {
  /** Units of work a run. */
  readonly count: number
  /** How many at once, one row each. */
  readonly inFlight: readonly number[]
  /** Runs of each case; medians are printed. */
  readonly runs: number
  /** Print the report as one JSON object on the last line. */
  readonly json: boolean
}

export function benchOptions(args: readonly string[], defaults: Omit<BenchOptions, 'json'>): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      count: { type: 'string', default: String(defaults.count) },
      'in-flight': { type: 'string', default: defaults.inFlight.join(',') },
      runs: { type: 'string', default: String(defaults.runs) },
      json: { type: 'boolean', default: false },
    },
  })
  return {
    count: bounded('--count', values.count, { least: 1, most: 1_000_000 }),
    inFlight: values['in-flight'].split(',').map((value) => bounded('--in-flight', value, { least: 1, most: 4096 })),
    runs: bounded('--runs', values.runs, { least: 1, most: 100 }),
    json: values.json,
  }
}

/** A whole number within bounds; throws an Error that names the option. */
export function bounded(name: string, text: string, { least, most }: { least: number; most: number }): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < least || value > most)
    throw new Error(`${name} is a whole number from ${least} to ${most}, not ${text}.`)
  return value
}
