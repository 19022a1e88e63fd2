// Where a bench keeps its servers' data, and how it ends: whatever happens, Ctrl-C included, nothing is left running.
import { randomUUID } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { checkout } from '../dev/checkout.js'

/** Stops of what was started, the last first. */
export type Stops = (() => Promise<unknown>)[]

/** Runs a bench in a folder of its own, which is removed at the end, after everything in `stops` was stopped. */
export async function inBenchFolder(name: string, run: (folder: string, stops: Stops) => Promise<void>): Promise<void> {
  const folder = join(checkout, '.paymesh', 'bench', `${name}-${randomUUID()}`)
  mkdirSync(folder, { recursive: true })
  const stops: Stops = []
  let ending: Promise<void> | undefined
  const end = () => (ending ??= stopAll(folder, stops))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      void end().finally(() => process.exit(128 + constants.signals[signal]))
    })
  }
  try {
    await run(folder, stops)
  } catch (error) {
    // What was cut off by a signal fails for that reason alone.
    if (ending === undefined) throw error
  } finally {
    await end()
  }
}

async function stopAll(folder: string, stops: Stops): Promise<void> {
  for (const stop of stops) await stop()
  rmSync(folder, { recursive: true, force: true })
}
