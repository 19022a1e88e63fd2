import { setDefaultHighWaterMark } from 'node:stream'
import { startAdminServer } from '../runtime/admin-server.js'
import { systemClock } from '../runtime/clock.js'
import { tlsFiles } from '../runtime/config.js'
import { createPool } from '../runtime/postgres.js'
import { runService } from '../runtime/process.js'
import { createServer } from '../runtime/server.js'
import { AssetStore } from './asset-store.js'
import { readConfig } from './config.js'
import { engineMetrics } from './engine-metrics.js'
import { withContractErrors } from './errors.js'
import { NamedAccountStore } from './named-account-store.js'
import { openEngine } from './open-engine.js'
import { type VerifyOptions } from './rpc/verify-ledger.js'
import { ledgerBindings, SERVICE_NAMES } from './server.js'
import { SnapshotStore } from './snapshot-store.js'
import { verifyLedger } from './verification/verify-ledger.js'

// How many messages a gRPC stream reads ahead of its handler. Node's 16 are 32 megabytes of transfers a Submit stream;
// two are enough to keep one busy. grpc-js gives no other say in it.
const READ_AHEAD_MAX = 2
setDefaultHighWaterMark(true, READ_AHEAD_MAX)

const config = readConfig()

runService('ledger', async ({ log, metrics }) => {
  const pool = createPool({
    url: config.DATABASE_URL,
    max: config.DATABASE_POOL_MAX,
    applicationName: 'ledger',
    log,
  })
  const observed = engineMetrics(metrics, () => engine)
  const observer = {
    ...observed,
    writerChanged: (isWriter: boolean) => {
      observed.writerChanged(isWriter)
      for (const name of ['', ...SERVICE_NAMES]) server.setServing(name, isWriter)
    },
  }
  const { engine, lookup } = await openEngine(config, { pool, log, observer })
  // Where another engine keeps the books, there is nothing here to verify.
  const namespace = config.LEDGER_NAMESPACE
  const books =
    config.LEDGER_ENGINE === 'postgres'
      ? {
          snapshots: new SnapshotStore(pool),
          verify: (options: VerifyOptions) => verifyLedger({ ...options, pool, namespace }),
        }
      : undefined
  const server = createServer({
    name: 'ledger',
    listenAddress: config.LISTEN_ADDRESS,
    tls: tlsFiles(config),
    bindings: ledgerBindings({
      engine: withContractErrors(engine),
      assets: new AssetStore(pool),
      names: new NamedAccountStore(pool, lookup),
      books,
      clock: systemClock,
      namespace,
    }),
    reflection: config.ENVIRONMENT === 'development',
    drainDelayMs: config.DRAIN_DELAY_MS,
    log,
    metrics,
  })
  await server.listen()
  engine.start()
  const admin = await startAdminServer({ address: config.ADMIN_ADDRESS, metrics, isReady: () => engine.isWriter })
  return {
    stop: async () => {
      await server.drain()
      await engine.stop()
      await pool.end()
      await admin.close()
    },
  }
})
