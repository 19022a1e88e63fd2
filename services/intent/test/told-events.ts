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
    // It connects again by itself.
    this.#valkey.on('error', () => undefined)
  }

  close(): void {
    this.#valkey.disconnect()
  }

  /** Each move of each intent was told, and nothing else was. The same event may have been told twice. */
  async assertOfEachMove(): Promise<void> {
    await this.#mesh.allTold()
    assert.deepEqual([...(await this.#told())].sort(), (await this.#moves()).sort())
  }

  /** Each move since then was told, and nothing that was no move: what was told before may have gone with Valkey. */
  async assertOfEachMoveSince(timeMs: number): Promise<void> {
    await this.#mesh.allTold()
    const intents = await this.#mesh.intents()
    const moves = intents.flatMap(({ id, changes }) =>
      changes.map((change, move) => ({ id: `${id}.${move}`, timeMs: change.timeMs })).slice(1),
    )
    const told = await this.#told()
    const since = moves.filter((move) => move.timeMs > timeMs)
    assert.ok(since.length > 0)
    const untold = since.filter(({ id }) => !told.has(id))
    assert.deepEqual(untold, [])
    const known = new Set(moves.map(({ id }) => id))
    const invented = [...told].filter((id) => !known.has(id))
    assert.deepEqual(invented, [])
  }

  async #told(): Promise<Set<string>> {
    const entries = await this.#valkey.xrange(eventStream, '-', '+')
    return new Set(entries.map(([, fields]) => (JSON.parse(fields[1] ?? '') as { id: string }).id))
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
