import { Gauge } from 'prom-client'
import { startAdminServer } from '../runtime/admin-server.js'
import { ChangeListener } from '../runtime/change-listener.js'
import type { Metrics } from '../runtime/metrics.js'
import { createPool } from '../runtime/postgres.js'
import { runService } from '../runtime/process.js'
import { createServer } from '../runtime/server.js'
import { readConfig } from './config.js'
import { PublishedRuleSets } from './published-rule-sets.js'
import { rulesBindings, serviceNames } from './server.js'
import { readNewestVersion, readRuleSet, ruleSetsChannel } from './store.js'

/** The version in force in this process: that all replicas show the same is how an operator sees a publication arrive. */
function reportVersion({ registry }: Metrics, published: PublishedRuleSets): void {
  new Gauge({
    name: 'paymesh_rules_version',
    help: 'The version of the rule set in force; 0 when nothing is published.',
    registers: [registry],
    collect() {
      this.set(Number(published.newest?.version ?? 0n))
    },
  })
}

/** A version whose notification was lost is in force within the promised second all the same. */
const pollIntervalMs = 500

runService('rules', async ({ log, metrics }) => {
  const config = readConfig()
  const pool = createPool({ url: config.databaseUrl, max: config.databasePoolMax, applicationName: 'rules', log })
  const published = new PublishedRuleSets({
    newestVersion: () => readNewestVersion(pool),
    find: (version) => readRuleSet(pool, version),
  })
  const listener = new ChangeListener({
    url: config.databaseUrl,
    applicationName: 'rules',
    channel: ruleSetsChannel,
    pollIntervalMs,
    refresh: () => published.refresh(),
    log,
  })
  await listener.start()
  reportVersion(metrics, published)
  const server = createServer({
    name: 'rules',
    listenAddress: config.listenAddress,
    tls: config.tls,
    bindings: rulesBindings({ published }),
    reflection: config.isDevelopment,
    drainDelayMs: config.drainDelayMs,
    log,
    metrics,
  })
  await server.listen()
  let isReady = true
  // Ready even with nothing published: Decide says so itself, and a first rule set takes effect without a restart.
  const admin = await startAdminServer({ address: config.adminAddress, metrics, isReady: () => isReady })
  for (const name of serviceNames) server.setServing(name, true)
  return {
    stop: async () => {
      isReady = false
      await server.drain()
      await listener.stop()
      await pool.end()
      await admin.close()
    },
  }
})
