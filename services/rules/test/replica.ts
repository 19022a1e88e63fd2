import { RateLimitServiceService } from '../../../gen/envoy/service/ratelimit/v3/rate_limit_service.js'
import { DecisionServiceService } from '../../../gen/paymesh/rules/v1/decision_service.js'
import { testCertificates, testValkeyUrl } from '../../../dev/testing.js'
import { ChangeListener } from '../../runtime/change-listener.js'
import { type ServiceDefinition } from '@grpc/grpc-js'
import { type Client, createClient } from '../../runtime/client.js'
import { createLogger } from '../../runtime/logger.js'
import { createMetrics } from '../../runtime/metrics.js'
import type { PeerName } from '../../runtime/peer-identity.js'
import { createPool } from '../../runtime/postgres.js'
import { connectValkey } from '../../runtime/valkey.js'
import { createServer } from '../../runtime/server.js'
import { randomUUID } from 'node:crypto'
import { pollIntervalMs, PublishedRuleSets } from '../published-rule-sets.js'
import { RateLimiter } from '../rate-limits/rate-limiter.js'
import { FactsRecorder, writeRecordedFacts } from '../recorded-facts.js'
import { rulesBindings } from '../server.js'
import { readNewestVersion, readRuleSet, ruleSetsChannel } from '../store.js'
import { trialLimits, Trials } from '../trials.js'

/** One Rules node with its own memory, as main.ts makes it. */
export interface Replica {
  readonly published: PublishedRuleSets
  /** How often a rule set was read from the database. */
  reads(): number
  /** Where it is served. */
  readonly address: string
  client(peer: PeerName): Client<typeof DecisionServiceService>
  /** As the edge asks about rates. */
  rateClient(peer: PeerName): Client<typeof RateLimitServiceService>
  stop(): Promise<void>
}

/** How a replica is told of things; as in service unless said otherwise. */
export interface Hearing {
  readonly pollIntervalMs?: number
  readonly channel?: string
  /** Where it counts requests. */
  readonly valkeyUrl?: string
}

export async function startReplica(url: string, hearing: Hearing = {}): Promise<Replica> {
  const tls = await testCertificates()
  const log = createLogger({ name: 'rules', level: 'silent' })
  const pool = createPool({ url, max: 4, applicationName: 'rules', log })
  let reads = 0
  const published = new PublishedRuleSets({
    newestVersion: () => readNewestVersion(pool),
    find: (version) => {
      reads += 1
      return readRuleSet(pool, version)
    },
  })
  const refresh = () => published.refresh()
  const { valkeyUrl, ...heardOtherwise } = hearing
  const heard = { channel: ruleSetsChannel, pollIntervalMs, ...heardOtherwise }
  const listener = new ChangeListener({ url, applicationName: 'rules', ...heard, refresh, log })
  await listener.start()
  const trials = new Trials(trialLimits)
  const recorder = new FactsRecorder({ write: (facts) => writeRecordedFacts(pool, facts), log })
  const valkey = connectValkey(valkeyUrl ?? (await testValkeyUrl()), 'rules', log, 400)
  const metrics = createMetrics('rules')
  const limits = () => published.newest?.rateLimits
  const rateLimiter = new RateLimiter({ valkey, limits, metrics, log })
  const server = createServer({
    name: 'rules',
    listenAddress: 'localhost:0',
    tls: tls.of('rules'),
    bindings: rulesBindings({ published, pool, trials, recorder, rateLimiter, newDraftId: randomUUID }),
    reflection: false,
    drainDelayMs: 0,
    log,
    metrics,
  })
  await server.listen()
  const clients: { close(): void }[] = []
  const clientOf = <S extends ServiceDefinition>(service: S, peer: PeerName): Client<S> => {
    const client = createClient(service, {
      address: `localhost:${server.port}`,
      peer: 'rules',
      tls: tls.of(peer),
      serviceConfig: 'proto/paymesh/rules/v1/rules_service_config.json',
    })
    clients.push(client)
    return client
  }
  return {
    published,
    reads: () => reads,
    address: `localhost:${server.port}`,
    client: (peer) => clientOf(DecisionServiceService, peer),
    rateClient: (peer) => clientOf(RateLimitServiceService, peer),
    stop: async () => {
      for (const client of clients) client.close()
      await server.drain()
      await trials.stop()
      await recorder.stop()
      await listener.stop()
      valkey.disconnect()
      await pool.end()
    },
  }
}
