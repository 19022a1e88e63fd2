import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import { RpcError } from '../../runtime/rpc-error.js'
import { type Ask, type LedgerClients, liveOnce, prepareLives } from './account-life.js'
import { Cluster } from './cluster.js'
import { eventually } from './harness.js'
import { type LedgerProcess } from './ledger-process.js'
import { verifyBooks } from './verify.js'

const ROUNDS = 4
const LIVES = 6
// A life takes about this long, so a kill meets any step of it.
const KILL_WITHIN_MS = 250
const RETRY_INTERVAL_MS = 10

/** Numbers from 0 to below 1, the same for the same seed (Park and Miller's generator). */
function generator(seed: number): () => number {
  let state = seed
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}

/** Asks whichever process answers. */
class Callers {
  readonly #cluster: Cluster
  readonly #clients = new Map<LedgerProcess, Promise<LedgerClients>>()
  answers = 0

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  readonly ask: Ask = async (call) => {
    for (let turn = 0; ; turn++) {
      const { processes } = this.#cluster
      try {
        const answer = await call(await this.#clientsOf(processes[turn % processes.length]!))
        this.answers += 1
        return answer
      } catch (error) {
        if (!(error instanceof RpcError) || error.code !== status.UNAVAILABLE) throw error
        await delay(RETRY_INTERVAL_MS)
      }
    }
  }

  #clientsOf(process: LedgerProcess): Promise<LedgerClients> {
    let clients = this.#clients.get(process)
    if (clients === undefined) {
      clients = this.#open(process)
      this.#clients.set(process, clients)
    }
    return clients
  }

  async #open(process: LedgerProcess): Promise<LedgerClients> {
    const [accounts, transfers, admin] = await Promise.all([
      this.#cluster.accounts(process),
      this.#cluster.client(process),
      this.#cluster.admin(process),
    ])
    return { accounts, transfers, admin }
  }
}

describe('ledgers that are killed', function () {
  this.timeout(60_000)
  let cluster: Cluster
  afterEach(() => cluster.stop())

  it('complete what was interrupted when it is asked for again, and each thing happens once', async () => {
    const seed = randomInt(1, 2_147_483_647)
    const random = generator(seed)
    cluster = await Cluster.start(2)
    const callers = new Callers(cluster)
    await prepareLives(callers.ask)
    let lived = 0
    let transferId = 1n
    let isOver = false
    const live = async (index: number) => {
      for (let count = 0; !isOver; count++) {
        await liveOnce(callers.ask, `a${index}.${count}`, () => transferId++)
        lived += 1
      }
    }
    const lives = Promise.all(Array.from({ length: LIVES }, (_, index) => live(index)))
    // What it fails with is for the end.
    lives.catch(() => undefined)
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const writer = await cluster.writer()
        const answers = callers.answers
        await eventually(() => callers.answers > answers + LIVES, 'callers are answered', 20_000)
        await delay(random() * KILL_WITHIN_MS)
        cluster.processes.splice(cluster.processes.indexOf(writer), 1)
        await writer.process.kill()
        await cluster.add()
      }
      isOver = true
      await lives
      assert.ok(lived > LIVES, 'lives came to their end')
      await verifyBooks(cluster.pool)
    } catch (error) {
      throw new Error(`The kills of seed ${seed} went wrong.`, { cause: error })
    } finally {
      isOver = true
    }
  })
})
