import { createConnection } from 'node:net'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startProcess, type RunningProcess } from './process.js'
import { type ProcessBook } from './process-book.js'
import { valkeyProgram } from './programs.js'
import { giveTo, ownedFolder, reachableProgram, type ServerHome } from './server-home.js'

/** How to run Valkey. */
export interface ValkeyOptions {
  readonly home: ServerHome
  readonly book: ProcessBook
  readonly logFile: string
  readonly port: number
  /** What clients sign in with; undefined lets everyone on 127.0.0.1 in, for tests. */
  readonly password: string | undefined
  /** How many numbered databases there are. */
  readonly databaseCount: number
}

/** A running Valkey. */
export interface Valkey {
  readonly process: RunningProcess
  readonly url: string
}

/** Starts Valkey on 127.0.0.1. It keeps nothing on disk: what is in it may be lost at any moment. */
export async function startValkey(options: ValkeyOptions): Promise<Valkey> {
  const folder = ownedFolder(options.home, 'valkey')
  const config = join(folder, 'valkey.conf')
  // The password stands in a file: arguments can be read by every user of the machine.
  writeFileSync(config, configText(options, folder), { mode: 0o600 })
  giveTo(options.home, config)
  const process = await startProcess(
    {
      name: 'Valkey',
      command: reachableProgram(options.home, valkeyProgram()),
      args: [config],
      cwd: folder,
      env: {},
      account: options.home.account,
      logFile: options.logFile,
      book: options.book,
      readyWithinMs: 15_000,
    },
    () => answers(options.port),
  )
  const credentials = options.password === undefined ? '' : `:${options.password}@`
  return { process, url: `redis://${credentials}127.0.0.1:${options.port}` }
}

function configText(options: ValkeyOptions, folder: string): string {
  const lines = [
    `port ${options.port}`,
    'bind 127.0.0.1',
    `dir ${JSON.stringify(folder)}`,
    'save ""',
    'appendonly no',
    'maxmemory 256mb',
    'maxmemory-policy allkeys-lru',
    'loglevel notice',
    `databases ${options.databaseCount}`,
  ]
  if (options.password !== undefined) lines.push(`requirepass ${options.password}`)
  return `${lines.join('\n')}\n`
}

// Without a password PING answers +PONG, with one -NOAUTH; while loading, neither.
function answers(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port, timeout: 2000 }, () => socket.write('PING\r\n'))
    socket.once('data', (data) => {
      resolve(/^(\+PONG|-NOAUTH)/.test(data.toString()))
      socket.destroy()
    })
    socket.once('timeout', () => socket.destroy(new Error('no answer')))
    socket.once('error', reject)
    socket.once('close', () => {
      resolve(false)
    })
  })
}
