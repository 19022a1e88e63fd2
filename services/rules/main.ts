import { Gauge } from 'prom-client'
import { startAdminServer } from '../runtime/admin-server.js'
import { ChangeListener } from '../runtime/change-listener.js'
import type { Metrics } from '../runtime/metrics.js'
import { createPool } from '../runtime/postgres.js'
import { runService } from '../runtime/process.js'
import { createServer } from '../runtime/server.js'
import { systemClock } from '../runtime/clock.js'
import { systemRandom, uuidV7 } from '../runtime/ids.js'
import { connectValkey } from '../runtime/valkey.js'
import { readConfig } from './config.js'
import { pollIntervalMs, PublishedRuleSets } from './published-rule-sets.js'
import { RateLimiter } from './rate-limits/rate-limiter.js'
import { FactsRecorder, writeRecordedFacts } from './recorded-facts.js'
import { rulesBindings, serviceNames } from './server.js'
import { readNewestVersion, readRuleSet, ruleSetsChannel } from './store.js'
import { trialLimits, Trials } from './trials.js'

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

// Less than the edge waits for an answer. Valkey counts in less than one.
const countMsMax = 30

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
  const trials = new Trials(trialLimits)
  const recorder = new FactsRecorder({ write: (facts) => writeRecordedFacts(pool, facts), log })
  const valkey = connectValkey(config.valkeyUrl, 'rules', log, countMsMax)
  const rateLimiter = new RateLimiter({ valkey, limits: () => published.newest?.rateLimits, metrics, log })
  const newDraftId = () => uuidV7(systemClock, systemRandom)
  const server = createServer({
    name: 'rules',
    listenAddress: config.listenAddress,
    tls: config.tls,
    bindings: rulesBindings({ published, pool, trials, recorder, rateLimiter, newDraftId }),
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
      await trials.stop()
      await recorder.stop()
      await listener.stop()
      await pool.end()
      valkey.disconnect()
      await admin.close()
    },
  }
})
