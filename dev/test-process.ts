import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { assetPath } from '../services/runtime/assets.js'
import { eventually } from './eventually.js'
import { freePort } from './ports.js'
import { testCertificates, testValkeyUrl } from './testing.js'
import type { PeerName } from '../services/runtime/peer-identity.js'

/** A program of the checkout as a real process, for tests of what only a process can show: exit codes and signals. */
export class TestProcess {
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  #output = ''

  /** `program` is relative to dist: 'services/rules/main.js'. The environment is exactly what is given. */
  constructor(program: string, environment: Record<string, string>) {
    this.#child = spawn(process.execPath, [assetPath(`dist/${program}`)], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#closed = once(this.#child, 'close')
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString()
      })
    }
  }

  get output(): string {
    return this.#output
  }

  /** Resolves when /readyz of the admin address answers 200; fails when the process ends first. */
  async becomesReady(adminAddress: string): Promise<void> {
    await eventually(async () => {
      if (this.#child.exitCode !== null) throw new Error(`ended before it was ready: ${this.#output}`)
      const response = await fetch(`http://${adminAddress}/readyz`).catch(() => undefined)
      return response?.status === 200
    }, 20_000)
  }

  /** Sends SIGTERM. */
  terminate(): void {
    this.#child.kill('SIGTERM')
  }

  /** The exit code, once there is one. */
  async exitCode(): Promise<number | null> {
    await this.#closed
    return this.#child.exitCode
  }
}

/** The variables that every service with a database reads, on free ports. */
export async function serviceVariables(name: PeerName, databaseUrl: string): Promise<Record<string, string>> {
  const { certFile, keyFile, caFile } = (await testCertificates()).of(name)
  return {
    ENVIRONMENT: 'production',
    LISTEN_ADDRESS: `localhost:${await freePort()}`,
    ADMIN_ADDRESS: `localhost:${await freePort()}`,
    TLS_CERT_FILE: certFile,
    TLS_KEY_FILE: keyFile,
    TLS_CA_FILE: caFile,
    DATABASE_URL: databaseUrl,
    ...(name === 'rules' ? { VALKEY_URL: await testValkeyUrl() } : {}),
  }
}
