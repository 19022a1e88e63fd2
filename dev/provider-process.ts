import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { checkout } from './checkout.js'
import { type MeshPorts, type ProviderName, PROVIDERS } from './ports.js'
import { type RunningProcess, startProcess } from './process.js'
import { type ProcessBook } from './process-book.js'
import { keyFor, type Secrets } from './secrets.js'

/** What a provider and its caller share. */
export interface ProviderAccess {
  /** The bearer token of its API. */
  readonly key: string
  /** With which it signs callbacks: base64 behind `whsec_`. */
  readonly callbackSecret: string
}

/** The secrets of a simulated provider in a state folder. */
export function providerAccess(name: ProviderName, secrets: Secrets): ProviderAccess {
  return {
    key: Buffer.from(keyFor(`provider ${name}`, secrets), 'base64').toString('hex'),
    callbackSecret: `whsec_${keyFor(`callbacks of ${name}`, secrets)}`,
  }
}

/** How to run the simulated providers. */
export interface ProviderProcessOptions {
  readonly ports: MeshPorts['providers']
  readonly secrets: Secrets
  /** Their books. */
  readonly folder: string
  readonly logFile: string
  readonly book: ProcessBook
}

/** Starts the simulated providers, all in one process; ready when they answer. */
export async function startProviders({
  ports,
  secrets,
  folder,
  ...process
}: ProviderProcessOptions): Promise<RunningProcess> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const environment = PROVIDERS.flatMap((name) => {
    const { key, callbackSecret } = providerAccess(name, secrets)
    const prefix = name.toUpperCase()
    return [
      [`${prefix}_KEY`, key],
      [`${prefix}_CALLBACK_SECRET`, callbackSecret],
      [`${prefix}_JOURNAL_FILE`, join(folder, `${name}.jsonl`)],
    ]
  })
  const program = join(checkout, 'dist', 'dev', 'provider-simulator', 'main.js')
  return await startProcess(
    {
      ...process,
      name: 'Providers',
      command: globalThis.process.execPath,
      args: ['--enable-source-maps', program, ...PROVIDERS.map((name) => `${name}=${ports[name]}`)],
      cwd: checkout,
      env: Object.fromEntries(environment) as Record<string, string>,
      account: undefined,
      readyWithinMs: 30_000,
    },
    () => allAnswer(ports),
  )
}

async function allAnswer(ports: MeshPorts['providers']): Promise<boolean> {
  const answers = await Promise.all(PROVIDERS.map((name) => fetch(`http://127.0.0.1:${ports[name]}/transfers`)))
  return answers.every(({ status }) => status === 200)
}
