import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { LaunchError } from './launch-error.js'
import { type ProcessBook } from './process-book.js'
import { type ServerAccount } from './server-home.js'

const POLL_INTERVAL_MS = 25
const STOP_MAX_MS = 30_000
const TAIL_LINES_MAX = 12

/** How to start a process. */
export interface ProcessSpec {
  /** What people call it; also its name in the book of processes. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  /** The whole environment of the process: nothing is inherited but PATH. */
  readonly env: Readonly<Record<string, string>>
  /** Whom it runs as; undefined means as we do. */
  readonly account: ServerAccount | undefined
  /** Its output is appended here. */
  readonly logFile: string
  readonly book: ProcessBook
  /** What asks it to stop; SIGTERM unless it needs another. */
  readonly stopSignal?: NodeJS.Signals
  /** How long it may take to get ready. */
  readonly readyWithinMs: number
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/**
 * A process that this one started. It has a session of its own, so that Ctrl-C at the terminal reaches only the
 * launcher, which then stops everything in order.
 */
export class RunningProcess {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  readonly exited: Promise<Exit>
  #exit: Exit | undefined
  #stopAsked = false
  readonly #stopSignal: NodeJS.Signals

  constructor(spec: ProcessSpec, child: ChildProcess, pid: number) {
    this.name = spec.name
    this.pid = pid
    this.logFile = spec.logFile
    this.#stopSignal = spec.stopSignal ?? 'SIGTERM'
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#exit = { code, signal }
        spec.book.remove(pid)
        resolve(this.#exit)
      })
    })
  }

  get exit(): Exit | undefined {
    return this.#exit
  }

  /** Whether the process ended, or will, because we asked it to. */
  get stopAsked(): boolean {
    return this.#stopAsked
  }

  /** Asks the process to stop and waits until it is gone; kills it after half a minute. */
  async stop(): Promise<Exit> {
    this.#send(this.#stopSignal)
    const timer = setTimeout(() => {
      this.#send('SIGKILL')
    }, STOP_MAX_MS)
    try {
      return await this.exited
    } finally {
      clearTimeout(timer)
    }
  }

  /** Sends a signal that ends the process, and waits until it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> {
    this.#send(signal)
    return await this.exited
  }

  #send(signal: NodeJS.Signals): void {
    this.#stopAsked = true
    if (this.#exit === undefined) process.kill(this.pid, signal)
  }
}

/** Starts a process and waits until `ready` answers true. Fails with a LaunchError that has the end of its log. */
export async function startProcess(spec: ProcessSpec, ready: () => Promise<boolean>): Promise<RunningProcess> {
  const running = await spawnProcess(spec)
  const deadline = Date.now() + spec.readyWithinMs
  while (!(await isReady(ready))) {
    if (running.exit) throw new LaunchError(`${describeExit(spec.name, running.exit)} ${logTail(spec.logFile)}`)
    if (Date.now() > deadline) {
      await running.kill()
      const seconds = Math.round(spec.readyWithinMs / 1000)
      throw new LaunchError(`${spec.name} was not ready within ${seconds} s. ${logTail(spec.logFile)}`)
    }
    await delay(POLL_INTERVAL_MS)
  }
  return running
}

/** Runs a process to its end. Fails with a LaunchError when its exit code is not 0. */
export async function runProcess(spec: ProcessSpec): Promise<void> {
  const exit = await (await spawnProcess(spec)).exited
  if (exit.code !== 0) throw new LaunchError(`${describeExit(spec.name, exit)} ${logTail(spec.logFile)}`)
}

async function spawnProcess(spec: ProcessSpec): Promise<RunningProcess> {
  mkdirSync(dirname(spec.logFile), { recursive: true })
  const log = openSync(spec.logFile, 'a', 0o600)
  try {
    const child = spawn(spec.command, spec.args, {
      cwd: spec.cwd,
      env: { PATH: process.env['PATH'] ?? '', ...spec.env },
      detached: true,
      stdio: ['ignore', log, log],
      ...spec.account,
    })
    await new Promise((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', reject)
    })
    if (child.pid === undefined) throw new Error('a spawned process has an id')
    spec.book.add(spec.name, child.pid)
    return new RunningProcess(spec, child, child.pid)
  } catch (error) {
    throw new LaunchError(`${spec.name} could not be started: ${String(error)}.`, { cause: error })
  } finally {
    closeSync(log)
  }
}

async function isReady(ready: () => Promise<boolean>): Promise<boolean> {
  try {
    return await ready()
  } catch {
    // Refused and reset connections are what a process that is still starting answers.
    return false
  }
}

/** "Ledger stopped with exit code 1." */
export function describeExit(name: string, exit: Exit): string {
  return `${name} stopped with ${exit.signal === null ? `exit code ${exit.code ?? 'unknown'}` : exit.signal}.`
}

/** The last lines of a log, to stand in an error. */
export function logTail(logFile: string): string {
  if (!existsSync(logFile)) return `${logFile} is gone.`
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-TAIL_LINES_MAX)
  return lines.join('').trim() === '' ? `${logFile} is empty.` : `The end of ${logFile}:\n  ${lines.join('\n  ')}`
}
