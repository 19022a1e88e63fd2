// An Intent as a process of its own, which a test kills, or has die at a crash point.
import assert from 'node:assert/strict'
import { type CrashPoint } from '../crash-points.js'
import { MeshProcess } from './mesh-process.js'
import { type SimulatedProvider } from './simulated-provider.js'
import { type Surroundings, TestIntent } from './test-intent.js'

export interface IntentProcessOptions {
  readonly providers?: readonly SimulatedProvider[]
}

export class IntentProcess {
  readonly #process: MeshProcess

  private constructor(process: MeshProcess) {
    this.#process = process
  }

  static async create(mesh: Surroundings, { providers = [] }: IntentProcessOptions): Promise<IntentProcess> {
    const process = await MeshProcess.create('intent', {
      DATABASE_URL: mesh.databaseUrl,
      LEDGER_ADDRESS: mesh.ledger.address,
      RULES_ADDRESS: mesh.rules.address,
      VALKEY_URL: mesh.valkeyUrl,
      ...Object.fromEntries(providers.flatMap(({ environment }) => Object.entries(environment))),
    })
    return new IntentProcess(process)
  }

  async start(): Promise<void> {
    await this.#process.start()
  }

  async kill(): Promise<void> {
    await this.#process.kill()
  }

  /** A client of it. */
  async client(): Promise<TestIntent> {
    return await TestIntent.at(this.#process.address)
  }

  /** Starts it, and has it do the work until it dies at the point; the work is cut off or not. */
  async diesAt(point: CrashPoint, work: (at: TestIntent) => Promise<unknown>): Promise<void> {
    await this.#process.start({ CRASH_AT: point })
    const client = await this.client()
    try {
      await work(client).catch(() => undefined)
      assert.equal(await this.#process.ended(), 'SIGKILL', point)
    } finally {
      await client.stop()
    }
  }

  /** Starts it, and it dies at the point of what it finds to do. */
  async diesUnasked(point: CrashPoint): Promise<void> {
    await this.#process.start({ CRASH_AT: point }).catch(() => undefined)
    assert.equal(await this.#process.ended(), 'SIGKILL', point)
  }
}
