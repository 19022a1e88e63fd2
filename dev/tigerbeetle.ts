import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { createConnection } from 'node:net'
import { delimiter, join } from 'node:path'
import { LaunchError } from './launch-error.js'
import { type ProcessSpec, runProcess, type RunningProcess, startProcess } from './process.js'
import { type ProcessBook } from './process-book.js'

/** Where the ledger's books are, as `ENGINE` chooses: in PostgreSQL, or in TigerBeetle with the server to start. */
export type LedgerEngine = { readonly kind: 'postgres' } | { readonly kind: 'tigerbeetle'; readonly binary: string }

/** Reads the choice from the environment; fails with a LaunchError that says what is wrong or missing. */
export function ledgerEngine(env: NodeJS.ProcessEnv): LedgerEngine {
  const name = env['ENGINE'] ?? ''
  if (name === '' || name === 'postgres') return { kind: 'postgres' }
  if (name === 'tigerbeetle') return { kind: 'tigerbeetle', binary: tigerBeetleBinary(env) }
  throw new LaunchError(`ENGINE=${name} is no engine of the ledger. Give postgres or tigerbeetle.`)
}

const WHERE_FROM =
  'get TigerBeetle 0.17.9 or newer from https://docs.tigerbeetle.com/operating/installing/, then put `tigerbeetle` on ' +
  'PATH or its path into TIGERBEETLE_BINARY.'

/** The server's program: TIGERBEETLE_BINARY, else `tigerbeetle` on PATH. Paymesh does not bring it. */
export function tigerBeetleBinary(env: NodeJS.ProcessEnv): string {
  const given = env['TIGERBEETLE_BINARY'] ?? ''
  if (given !== '') {
    if (isProgram(given)) return given
    throw new LaunchError(`TIGERBEETLE_BINARY=${given} is not a program that can be run: ${WHERE_FROM}`)
  }
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  const found = folders.map((folder) => join(folder, 'tigerbeetle')).find(isProgram)
  if (found === undefined) throw new LaunchError(`The program \`tigerbeetle\` is missing: ${WHERE_FROM}`)
  return found
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** How to run a cluster of one replica. */
export interface TigerBeetleOptions {
  readonly binary: string
  /** Where its data is: about a gigabyte from the start. */
  readonly folder: string
  readonly book: ProcessBook
  readonly logFile: string
  readonly port: number
}

/** A running cluster, with the id 0. */
export interface TigerBeetle {
  readonly process: RunningProcess
  /** ip:port. */
  readonly address: string
}

/**
 * Starts a cluster of one replica on 127.0.0.1, with less memory and without the demands on the disk that production
 * makes. Its data is made when it is not there.
 */
export async function startTigerBeetle(options: TigerBeetleOptions): Promise<TigerBeetle> {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 })
  const data = join(options.folder, '0_0.tigerbeetle')
  if (!existsSync(data)) await format(options, data)
  const address = `127.0.0.1:${options.port}`
  const spec = processSpec(options, 'TigerBeetle', ['start', '--development', `--addresses=${address}`, data])
  return { process: await startProcess(spec, () => accepts(options.port)), address }
}

// Under another name first: data whose making was cut short must not look like some.
async function format(options: TigerBeetleOptions, data: string): Promise<void> {
  const unfinished = `${data}.new`
  rmSync(unfinished, { force: true })
  const one = ['--cluster=0', '--replica=0', '--replica-count=1', '--development']
  await runProcess(processSpec(options, 'TigerBeetle set-up', ['format', ...one, unfinished]))
  renameSync(unfinished, data)
}

function processSpec({ binary, folder, book, logFile }: TigerBeetleOptions, name: string, args: string[]): ProcessSpec {
  const cwd = folder
  return { name, command: binary, args, cwd, env: {}, account: undefined, logFile, book, readyWithinMs: 60_000 }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port, timeout: 2000 }, () => {
      resolve(true)
      socket.destroy()
    })
    socket.once('error', reject)
    socket.once('timeout', () => socket.destroy(new Error('no answer')))
  })
}
