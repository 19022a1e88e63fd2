import { join } from 'node:path'
import { checkout } from './checkout.js'
import { type Exit, type ProcessSpec, runProcess, type RunningProcess, startProcess } from './process.js'
import { type ProcessBook } from './process-book.js'
import { type Environment, SERVICE_TITLES, type ServiceName } from './services.js'

/** How to run a service. */
export interface ServiceProcessOptions {
  readonly service: ServiceName
  readonly environment: Environment
  readonly adminPort: number
  readonly logFile: string
  readonly book: ProcessBook
  /** Told of every start, so that somebody watches for crashes. */
  readonly onStart: (process: RunningProcess) => void
}

/** A service of the mesh, which may be stopped, killed and started again. */
export class ServiceProcess {
  readonly #options: ServiceProcessOptions
  #process: RunningProcess | undefined
  #starting: Promise<RunningProcess> | undefined
  #isRetired = false

  constructor(options: ServiceProcessOptions) {
    this.#options = options
  }

  get logFile(): string {
    return this.#options.logFile
  }

  /** The id of the process that runs, or ran last. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  get isRunning(): boolean {
    return this.#process !== undefined && this.#process.exit === undefined
  }

  /** Resolves when the process started last has ended. */
  async exited(): Promise<Exit> {
    return await this.#started().exited
  }

  /** Brings the database forward. */
  async migrate(): Promise<void> {
    await this.run('migrate')
  }

  /** Runs another of the service's programs, such as its `migrate.js`, to its end with the service's environment. */
  async run(program: string, args: readonly string[] = []): Promise<void> {
    const spec = this.#spec(program, `${program} of ${SERVICE_TITLES[this.#options.service]}`, {})
    await runProcess({ ...spec, args: [...spec.args, ...args] })
  }

  /** Starts the service and waits until it is ready; `environment` goes over its usual one for this run. */
  async start(environment: Environment = {}): Promise<void> {
    const { service, adminPort } = this.#options
    if (this.isRunning || this.#starting !== undefined) throw new Error(`${service} runs already`)
    if (this.#isRetired) throw new Error(`${service} is of a mesh that was stopped`)
    const url = `http://127.0.0.1:${adminPort}/readyz`
    const spec = this.#spec('main', SERVICE_TITLES[service], environment)
    this.#starting = startProcess(spec, async () => (await fetch(url)).status === 200)
    try {
      this.#process = await this.#starting
    } finally {
      this.#starting = undefined
    }
    this.#options.onStart(this.#process)
  }

  /** Stops the service for good, also when somebody is just starting it: a mesh that stops leaves nothing behind. */
  async retire(): Promise<void> {
    this.#isRetired = true
    await Promise.allSettled([this.#starting])
    if (this.isRunning) await this.stop()
  }

  /** SIGTERM, and waits until it is gone. */
  async stop(): Promise<Exit> {
    return await this.#started().stop()
  }

  /** Sends the signal and waits until it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> {
    return await this.#started().kill(signal)
  }

  async restart(environment: Environment = {}): Promise<void> {
    await this.stop()
    await this.start(environment)
  }

  #started(): RunningProcess {
    if (this.#process === undefined) throw new Error(`${this.#options.service} was not started`)
    return this.#process
  }

  #spec(program: string, name: string, environment: Environment): ProcessSpec {
    const { service, logFile, book } = this.#options
    return {
      name,
      command: process.execPath,
      args: ['--enable-source-maps', join(checkout, 'dist', 'services', service, `${program}.js`)],
      cwd: checkout,
      env: { ...this.#options.environment, ...environment },
      account: undefined,
      logFile,
      book,
      readyWithinMs: 60_000,
    }
  }
}
