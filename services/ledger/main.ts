import { startAdminServer } from '../runtime/admin-server.js'
import { systemClock } from '../runtime/clock.js'
import { tlsFiles } from '../runtime/config.js'
import { createPool } from '../runtime/postgres.js'
import { runService } from '../runtime/process.js'
import { createServer } from '../runtime/server.js'
import { AssetStore } from './asset-store.js'
import { readConfig } from './config.js'
import { engineMetrics } from './engine-metrics.js'
import { NamedAccountStore } from './named-account-store.js'
import { ENGINE_DEFAULTS, PostgresEngine } from './postgres-engine/postgres-engine.js'
import { ledgerBindings, SERVICE_NAMES } from './server.js'

const config = readConfig()

runService('ledger', async ({ log, metrics }) => {
  const url = config.DATABASE_URL
  const pool = createPool({ url, max: config.DATABASE_POOL_MAX, applicationName: 'ledger', log })
  const observed = engineMetrics(metrics, () => engine)
  const engine = new PostgresEngine({
    ...ENGINE_DEFAULTS,
    url,
    pool,
    clock: systemClock,
    log,
    observer: {
      ...observed,
      writerChanged: (isWriter) => {
        observed.writerChanged(isWriter)
        for (const name of ['', ...SERVICE_NAMES]) server.setServing(name, isWriter)
      },
    },
  })
  const server = createServer({
    name: 'ledger',
    listenAddress: config.LISTEN_ADDRESS,
    tls: tlsFiles(config),
    bindings: ledgerBindings({
      engine,
      assets: new AssetStore(pool),
      names: new NamedAccountStore(pool),
      namespace: config.LEDGER_NAMESPACE,
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
