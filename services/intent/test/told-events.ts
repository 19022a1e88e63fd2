// What a mesh has told of its payments, as whoever reads the stream sees it.
import assert from 'node:assert/strict'
import { Redis } from 'ioredis'
import { eventStream } from '../events/outbox-worker.js'
import { type TestMesh } from './mesh.js'

export class ToldEvents {
  readonly #mesh: TestMesh
  readonly #valkey: Redis

  constructor(mesh: TestMesh) {
    this.#mesh = mesh
    this.#valkey = new Redis(mesh.valkeyUrl)
  }

  close(): void {
    this.#valkey.disconnect()
  }

  /** Each move of each intent was told, and nothing else was. The same event may have been told twice. */
  async assertOfEachMove(): Promise<void> {
    await this.#mesh.allTold()
    const entries = await this.#valkey.xrange(eventStream, '-', '+')
    const told = new Set(entries.map(([, fields]) => (JSON.parse(fields[1] ?? '') as { id: string }).id))
    assert.deepEqual([...told].sort(), (await this.#moves()).sort())
  }

  /** Puts into the stream what a flush took: it is gone by design, and what comes afterwards begins anew. */
  async tellAgain(): Promise<void> {
    for (const id of await this.#moves()) {
      await this.#valkey.xadd(eventStream, '*', 'event', JSON.stringify({ id }))
    }
  }

  async flush(): Promise<void> {
    await this.#valkey.flushall()
  }

  /** The ids of the events of every move. */
  async #moves(): Promise<string[]> {
    return (await this.#mesh.intents()).flatMap(({ id, changes }) =>
      changes.slice(1).map((_, move) => `${id}.${move + 1}`),
    )
  }
}
