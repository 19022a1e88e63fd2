// `make up`: starts the whole mesh, makes a first payment, and stays until it is told to stop.
import { mkdirSync } from 'node:fs'
import { takeLock } from '#lock'
import { commandLines } from './commands.js'
import { LaunchError } from './launch-error.js'
import { type Mesh, startMesh } from './mesh.js'
import { launcherLock, writePortChoices } from './mesh-access.js'
import { watchNotifications } from './notifications.js'
import { checkPorts, fixedPorts, portChoices } from './ports.js'
import { describeExit, logTail, type RunningProcess } from './process.js'
import { bookFile, stopOrphans } from './process-book.js'
import { seed } from './seed.js'
import { STATE_FOLDER } from './state-folder.js'
import { playStory } from './story.js'
import { runCommand, say } from './terminal.js'
import { ledgerEngine } from './tigerbeetle.js'

/** Why the mesh is to stop: somebody said so, or a process ended by itself. */
class Stop {
  readonly #controller = new AbortController()

  constructor() {
    // A closed terminal (SIGHUP) counts as Ctrl-C: nobody is left to press it.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (!this.signal.aborted) say('stopping')
        this.#controller.abort()
      })
    }
    // A fault of the launcher itself must not leave processes behind either.
    process.on('uncaughtException', (error) => {
      this.#fail(error)
    })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  crashed({ name, exit, logFile }: RunningProcess): void {
    if (this.signal.aborted || exit === undefined) return
    const cure =
      'Everything is being stopped. Start again with `make up`; if it ends again, `make reset` clears the state.'
    this.#fail(`${describeExit(name, exit)} ${cure}\n${logTail(logFile)}`)
  }

  #fail(cause: unknown): void {
    console.error(cause)
    process.exitCode = 1
    this.#controller.abort()
  }

  /** Resolves when the mesh is to stop. */
  async wait(): Promise<void> {
    if (this.signal.aborted) return
    await new Promise((resolve) => {
      this.signal.addEventListener('abort', resolve, { once: true })
    })
  }
}

async function up(): Promise<void> {
  mkdirSync(STATE_FOLDER, { recursive: true })
  const lock = takeLock(launcherLock(STATE_FOLDER))
  if (lock.holder !== undefined) {
    const pid = lock.holder.pid
    throw new LaunchError(`This checkout's mesh is up already (process ${pid}). Use it, or stop it first: kill ${pid}`)
  }
  try {
    await run(new Stop())
  } finally {
    lock.release()
  }
}

async function run(stop: Stop): Promise<void> {
  // Before the ports are looked at: orphans hold them.
  const orphans = await stopOrphans(bookFile(STATE_FOLDER))
  if (orphans.length > 0) say(`stopped what a killed launcher left running: ${orphans.join(', ')}`)
  const engine = ledgerEngine(process.env)
  const choices = portChoices(process.env)
  const ports = fixedPorts(choices)
  await checkPorts(ports, edgeAddress())
  writePortChoices(STATE_FOLDER, choices)
  let mesh: Mesh | undefined
  let stopTelling: (() => void) | undefined
  try {
    mesh = await startMesh({
      stateFolder: STATE_FOLDER,
      ports,
      durable: true,
      engine,
      edgeAddress: edgeAddress(),
      say,
      signal: stop.signal,
      onCrash: (process) => {
        stop.crashed(process)
      },
    })
    await firstPayment(mesh, stop)
    console.log(`Paymesh is up: ${mesh.url}`)
    stopTelling = watchNotifications(mesh.notificationFile, ({ kind, email, code }) => {
      say(`told ${email}: ${code === undefined ? kind : `${kind} ${code}`}`)
    })
    await stop.wait()
  } catch (error) {
    // Whatever fails after the stop began fails because of it, and the cause of the stop was said.
    if (!stop.signal.aborted) throw error
  } finally {
    stopTelling?.()
    await mesh?.stop()
    if (mesh !== undefined) say('stopped')
  }
}

async function firstPayment(mesh: Mesh, stop: Stop): Promise<void> {
  stop.signal.throwIfAborted()
  say('seeding')
  await seed(mesh)
  stop.signal.throwIfAborted()
  say('making a first payment through the edge')
  const story = await playStory(mesh, console.log)
  stop.signal.throwIfAborted()
  console.log(['', ...commandLines(mesh, story), ''].join('\n'))
}

function edgeAddress(): string {
  return process.env['EDGE_ADDRESS'] ?? '127.0.0.1'
}

await runCommand(up)
