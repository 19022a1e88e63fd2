// A service of the mesh as a process of its own, from dist.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { freePort, testCertificates, testValkeyUrl } from '../../../dev/testing.js'
import { assetPath } from '../../runtime/assets.js'
import { type PeerName } from '../../runtime/call.js'

const startTimeoutMs = 15_000
const pollMs = 20

/** Runs a program of a service to its end; rejects with what it printed when it fails. */
export async function runProgram(path: string, args: string[], env: Record<string, string>): Promise<void> {
  await promisify(execFile)(process.execPath, [assetPath(`dist/${path}`), ...args], { env })
}

/** Waits until the condition holds; rejects when it never does. */
export async function until(condition: () => Promise<boolean> | boolean, what: string, ms = 10_000): Promise<void> {
  const giveUpMs = Date.now() + ms
  while (!(await condition())) {
    if (Date.now() > giveUpMs) throw new Error(`never came true: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}

export async function succeeds(call: Promise<unknown>): Promise<boolean> {
  return await call.then(
    () => true,
    () => false,
  )
}

export class MeshProcess {
  readonly #name: PeerName
  readonly #env: Record<string, string>
  #child: ChildProcess | undefined
  #output = ''

  private constructor(name: PeerName, env: Record<string, string>) {
    this.#name = name
    this.#env = env
  }

  /** Prepares a process that always listens on the same port, so that it can come back. */
  static async create(name: PeerName, env: Record<string, string>): Promise<MeshProcess> {
    const tls = (await testCertificates()).of(name)
    return new MeshProcess(name, {
      ENVIRONMENT: 'development',
      LISTEN_ADDRESS: `localhost:${await freePort()}`,
      ADMIN_ADDRESS: `localhost:${await freePort()}`,
      TLS_CERT_FILE: tls.certFile,
      TLS_KEY_FILE: tls.keyFile,
      TLS_CA_FILE: tls.caFile,
      LOG_LEVEL: 'warn',
      ...(name === 'rules' ? { VALKEY_URL: await testValkeyUrl() } : {}),
      ...(name === 'rules' ? { VALKEY_URL: await testValkeyUrl() } : {}),
      // Read by those that seal anything.
      KEY_ENCRYPTION_KEYS: `test:${Buffer.alloc(32, 7).toString('base64')}`,
      ...env,
    })
  }

  get address(): string {
    return this.#env['LISTEN_ADDRESS']!
  }

  async start(moreEnv: Record<string, string> = {}): Promise<void> {
    const main = assetPath(`dist/services/${this.#name}/main.js`)
    const env = { ...this.#env, ...moreEnv }
    const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (this.#output += String(data)))
    await until(() => this.#isReady(child), `${this.#name} is ready; it said: ${this.#output}`, startTimeoutMs)
  }

  /** Waits until the process has ended by itself; answers the signal that ended it. */
  async ended(): Promise<NodeJS.Signals | null> {
    const child = this.#child
    if (child === undefined) throw new Error(`${this.#name} was not started`)
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    return child.signalCode
  }

  /** Stops the process in its tracks: connections stay, nothing is answered. */
  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Ends the process at once and does not wait until it is gone: for the middle of a step. `kill` waits afterwards. */
  strike(): void {
    this.#child?.kill('SIGKILL')
  }

  /** Ends the process at once, as a power cut would. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }

  async #isReady(child: ChildProcess): Promise<boolean> {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`${this.#name} ended instead of starting: ${this.#output}`)
    }
    try {
      return (await fetch(`http://${this.#env['ADMIN_ADDRESS']!}/readyz`)).ok
    } catch {
      return false
    }
  }
}
