import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { checkout } from './checkout.js'
import { bookFile, isInUse, stopOrphans } from './process-book.js'
import { outsideFolder, outsideHome, PROGRAMS } from './server-home.js'

/** Everything that `make up` keeps: certificates, secrets, databases, logs. Another folder makes another mesh. */
export const STATE_FOLDER = resolve(process.env['PAYMESH_STATE'] ?? join(checkout, '.paymesh'))

/** Where test runs keep theirs, a folder each. */
export const TESTS_FOLDER = join(checkout, '.paymesh', 'test')

// A test's mesh lies at most this deep in the folder of its run: files/{id}/{name the test gave}.
const NESTING_MAX = 3

/** Stops what killed launchers left running in a folder and removes it, here and outside; spares the test runs. */
export async function removeState(folder: string): Promise<void> {
  for (const state of new Set([folder, ...stateFoldersIn(folder, NESTING_MAX)])) {
    await stopOrphans(bookFile(state))
    rmSync(outsideHome(state), { recursive: true, force: true })
  }
  for (const path of pathsIn(folder)) if (path !== TESTS_FOLDER) rmSync(path, { recursive: true, force: true })
  if (pathsIn(folder).length === 0) rmSync(folder, { recursive: true, force: true })
  // Copies of programs, the last thing outside, are of no use without a home.
  if (pathsIn(outsideFolder()).every((path) => path === join(outsideFolder(), PROGRAMS))) {
    rmSync(outsideFolder(), { recursive: true, force: true })
  }
}

/** Removes what killed test runs of this checkout left behind; leaves those that run alone. */
export async function removeOrphanedRuns(): Promise<void> {
  for (const run of pathsIn(TESTS_FOLDER)) if (!isInUse(bookFile(run))) await removeState(run)
  if (pathsIn(TESTS_FOLDER).length === 0) rmSync(TESTS_FOLDER, { recursive: true, force: true })
}

function stateFoldersIn(folder: string, depth: number): string[] {
  if (existsSync(join(folder, 'secrets.json'))) return [folder]
  const inner = depth === 0 ? [] : pathsIn(folder).filter((path) => path !== TESTS_FOLDER)
  const found = inner.flatMap((path) => stateFoldersIn(path, depth - 1))
  return existsSync(bookFile(folder)) ? [folder, ...found] : found
}

function pathsIn(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name))
  } catch {
    return [] // Not there, or a file.
  }
}
