import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { identify, isRunning, thisProcess, type ProcessIdentity } from '#lock'

// How long an orphan may take to stop by itself before it is killed.
const ORPHAN_STOP_MAX_MS = 5_000

interface Page {
  launcher: ProcessIdentity
  children: (ProcessIdentity & { name: string })[]
}

/**
 * The processes that a launcher started, written down so that the next launcher can stop what a killed one left behind.
 * One writer: whoever holds the lock of the state folder.
 */
export class ProcessBook {
  readonly #file: string
  readonly #page: Page = { launcher: thisProcess(), children: [] }

  constructor(file: string) {
    this.#file = file
    mkdirSync(dirname(file), { recursive: true })
    this.#write()
  }

  add(name: string, pid: number): void {
    this.#page.children.push({ name, ...identify(pid) })
    this.#write()
  }

  remove(pid: number): void {
    this.#page.children = this.#page.children.filter((child) => child.pid !== pid)
    // Somebody may have deleted the whole state under a running launcher, which must still stop the rest.
    if (existsSync(dirname(this.#file))) this.#write()
  }

  /** Tears the book up, when all of its processes are gone. */
  close(): void {
    rmSync(this.#file, { force: true })
  }

  #write(): void {
    writeFileSync(`${this.#file}.new`, JSON.stringify(this.#page))
    renameSync(`${this.#file}.new`, this.#file)
  }
}

/** Where the processes of a state folder are written down. */
export function bookFile(stateFolder: string): string {
  return join(stateFolder, 'processes.json')
}

/** Stops what a launcher that no longer runs left behind, and answers the names. Leaves a running launcher's alone. */
export async function stopOrphans(file: string): Promise<string[]> {
  const page = readPage(file)
  if (page === undefined || isRunning(page.launcher)) return []
  const orphans = page.children.filter(isRunning)
  for (const orphan of orphans) signal(orphan, 'SIGTERM')
  const killTime = Date.now() + ORPHAN_STOP_MAX_MS
  while (orphans.some(isRunning)) {
    if (Date.now() > killTime) for (const orphan of orphans.filter(isRunning)) signal(orphan, 'SIGKILL')
    await delay(20)
  }
  rmSync(file, { force: true })
  return orphans.map((orphan) => orphan.name)
}

/** Whether the book's launcher still runs. */
export function isInUse(file: string): boolean {
  const page = readPage(file)
  return page !== undefined && isRunning(page.launcher)
}

function readPage(file: string): Page | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Page
  } catch {
    return undefined
  }
}

function signal(orphan: ProcessIdentity, name: NodeJS.Signals): void {
  try {
    process.kill(orphan.pid, name)
  } catch {
    // It ended by itself between the look and the signal.
  }
}
