import type pg from 'pg'
import { type TestTigerBeetle, testDatabase, testTigerBeetle } from '../../../../dev/testing.js'
import { createLogger } from '../../../runtime/logger.js'
import { createPool } from '../../../runtime/postgres.js'
import { eventually } from '../../test/harness.js'
import { clusterOpener } from '../cluster-client.js'
import { Notes } from '../notes.js'
import { TIGERBEETLE_DEFAULTS, TigerBeetleEngine, type TigerBeetleEngineOptions } from '../tigerbeetle-engine.js'

const log = createLogger({ name: 'ledger-test', level: 'silent' })

/** An engine on a cluster and a database of its own. */
export class TigerBeetleUnderTest {
  readonly engine: TigerBeetleEngine
  readonly cluster: TestTigerBeetle
  readonly pool: pg.Pool
  /** How many clients there were so far. */
  clientsOpened = 0

  private constructor(engine: TigerBeetleEngine, cluster: TestTigerBeetle, pool: pg.Pool) {
    this.engine = engine
    this.cluster = cluster
    this.pool = pool
  }

  /** Starts all of it and waits until the engine is ready. */
  static async start(options: Partial<TigerBeetleEngineOptions> = {}): Promise<TigerBeetleUnderTest> {
    const cluster = await testTigerBeetle()
    const pool = createPool({ url: await testDatabase('ledger'), max: 4, applicationName: 'ledger-test' })
    const open = await clusterOpener(0n, [cluster.address])
    const engine = new TigerBeetleEngine({
      ...TIGERBEETLE_DEFAULTS,
      open: () => {
        made.clientsOpened += 1
        return open()
      },
      notes: new Notes(pool, log),
      log,
      observer: { writerChanged: () => undefined, batchDecided: () => undefined },
      ...options,
    })
    const made = new TigerBeetleUnderTest(engine, cluster, pool)
    engine.start()
    await eventually(() => engine.isWriter, 'the cluster answers')
    return made
  }

  async stop(): Promise<void> {
    await this.engine.stop()
    await this.pool.end()
    await this.cluster.stop()
  }
}
