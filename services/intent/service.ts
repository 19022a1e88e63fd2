// The composition of the service: clients, stores, loops and server, in the order in which they need each other, and
// how they stop. Apart from main.ts so that tests start the very same service within their own process.
import { type Pool } from 'pg'
import { Counter } from 'prom-client'
import { type Logger } from '../runtime/logger.js'
import { type Metrics } from '../runtime/metrics.js'
import { Resolver } from 'node:dns/promises'
import { startAdminServer } from '../runtime/admin-server.js'
import { type Clock, systemClock } from '../runtime/clock.js'
import { systemRandom, uuidV7 } from '../runtime/ids.js'
import { Keyring } from '../runtime/keyring.js'
import { createPool } from '../runtime/postgres.js'
import { createServer } from '../runtime/server.js'
import { AccountIds } from './ledger/account-ids.js'
import { AddressGuard } from './webhooks/address-guard.js'
import { type AdvanceDeps, createAdvance } from './saga/advance.js'
import { createAutoTopUpTrigger, createAutoTopUpWorker } from './wallets/auto-top-up-worker.js'
import { burnChain } from './saga/burn-chain.js'
import { intentIdFrom } from './saga/chain.js'
import { runChain } from './saga/chain-runner.js'
import { builtInChannels } from './channels/built-in-channels.js'
import { type Channel } from './channels/channel.js'
import { Channels } from './channels/channels.js'
import { type Config } from './config.js'
import { type ReachCrashPoint } from './crash-points.js'
import { createDecider } from './decisions/decider.js'
import { resolveHost } from './webhooks/host-resolver.js'
import { HouseAccounts } from './saga/house-accounts.js'
import { failIntent } from './saga/fail-intent.js'
import { type Failure, type Intent } from './intents/intent.js'
import { HoldStore } from './intents/hold-store.js'
import { IntentStore } from './intents/intent-store.js'
import { connectLedger } from './ledger/ledger-client.js'
import { type Loop } from '../runtime/loop.js'
import { LimitAccounts } from './limits/limit-accounts.js'
import { createOutboxWorker } from './events/outbox-worker.js'
import { createPayments } from './saga/payments.js'
import { carryOut, type CarryOutDeps } from './providers/carry-out.js'
import { createHttpProvider } from './providers/http-provider.js'
import { createLateSuccessBooker, noteLateSuccess } from './providers/late-success.js'
import { ProviderInbox } from './providers/provider-inbox.js'
import { SubmissionQueue } from './providers/submission-queue.js'
import { SubmissionStore } from './providers/submission-store.js'
import { SubmissionWorker } from './providers/submission-worker.js'
import { createPoller, createResumer } from './saga/resumer.js'
import { type RpcDeps, type WatchLimits, type WebhookParts } from './rpc/deps.js'
import { connectRules, type Rules, type RulesNode } from './decisions/rules-client.js'
import { createQuorum } from './decisions/rules-quorum.js'
import { createReadPool, type ReadPool } from './intents/read-pool.js'
import { bindings, serviceNames } from './server.js'
import { createScoring } from './decisions/scoring-client.js'
import { SignalStore } from './decisions/signal-store.js'
import { connectValkey } from '../runtime/valkey.js'
import { connectWalletAccounts } from './wallets/wallet-accounts-client.js'
import { WalletDirectory } from './wallets/wallet-directory.js'
import { WatchHub } from './events/watch-hub.js'
import { createFanOut, type FanOut } from './webhooks/webhook-fan-out.js'
import { WebhookWorker } from './webhooks/webhook-worker.js'

/** What a process decides about its service beside the configuration. */
export interface ServiceParts {
  readonly log: Logger
  readonly metrics: Metrics
  readonly crashPoint: ReachCrashPoint
  /** What payments can be settled by; absent: the built-in channels. */
  readonly channels?: readonly Channel[]
  /** Instead of the machine's: for tests, which set it back and forth. */
  readonly clock?: Clock
  /** Instead of the limits of a real process: for tests, which cannot wait as long nor ask as much. */
  readonly limits?: ServiceLimits
}

export interface ServiceLimits {
  /** How many payments may be under way. */
  readonly paymentsMax: number
  /** How many may watch. */
  readonly watchersMax: number
  readonly watch: WatchLimits
  /** How long a payment waits for its signals. */
  readonly signalsMsMax: number
  /** After how long the process that took a submission from a queue is taken for dead. */
  readonly submissionIdleMsMax: number
}

export interface IntentService {
  readonly port: number
  readonly adminPort: number
  stop(): Promise<void>
}

export const realLimits: ServiceLimits = {
  // Each a few kilobytes. Beyond this only latency grows: at 2,000 payments a second it is a second.
  paymentsMax: 2_000,
  // About 20 kB each with its HTTP/2 stream.
  watchersMax: 10_000,
  // A watch is authorized once, by a token that lives at most 15 minutes; it may not outlive the token by more.
  watch: { heartbeatMs: 15_000, openMsMax: 15 * 60_000 },
  // Valkey answers in less than one.
  signalsMsMax: 20,
  // A question takes 10 s at most, a submission after it 8.
  submissionIdleMsMax: 30_000,
}
// Everything that queues inside does so for a payment under way, and some payments ask twice.
const queueMax = 2 * realLimits.paymentsMax
const watchPollMs = 2_000
// Longer than any consumer should take to write an event down.
const webhookTimeoutMs = 10_000
// For one question; asked twice it leaves time to send.
const dnsTimeoutMs = 2_000

const elapsedMs = () => performance.now()
const random = () => Math.random()

function timeOf({ clock = systemClock }: ServiceParts) {
  return { clock, nowMs: () => clock.nowMs(), newUuid: () => uuidV7(clock, systemRandom) }
}

export async function startIntentService(config: Config, parts: ServiceParts): Promise<IntentService> {
  const { log, metrics } = parts
  const links = connect(config, parts)
  const { rpcDeps, loops, watchHub } = assemble(config, parts, links)
  const server = createServer({
    name: 'intent',
    listenAddress: config.listenAddress,
    tls: config.tls,
    bindings: bindings(rpcDeps),
    reflection: config.isDevelopment,
    drainDelayMs: config.drainDelayMs,
    log,
    metrics,
  })
  await server.listen()
  let isReady = true
  const admin = await startAdminServer({ address: config.adminAddress, metrics, isReady: () => isReady })
  for (const loop of loops) loop.start()
  for (const name of serviceNames) server.setServing(name, true)
  return {
    port: server.port,
    adminPort: admin.port,
    stop: async () => {
      isReady = false
      // Watchers are told to watch elsewhere, payments under way are finished, and only then their tools go away.
      watchHub.drain()
      await server.drain()
      await Promise.all(loops.map((loop) => loop.stop()))
      await disconnect(links)
      await admin.close()
    },
  }
}

type Links = ReturnType<typeof connect>

function connect(config: Config, { log, metrics }: ServiceParts) {
  const { tls, readDatabaseUrl } = config
  const poolOptions = { max: config.databasePoolMax, applicationName: 'intent', log }
  return {
    pool: createPool({ ...poolOptions, url: config.databaseUrl }),
    replica: readDatabaseUrl === undefined ? undefined : createPool({ ...poolOptions, url: readDatabaseUrl }),
    publisher: connectValkey(config.valkeyUrl, 'intent-outbox', log),
    subscriber: connectValkey(config.valkeyUrl, 'intent-watch', log),
    signalsValkey: connectValkey(config.valkeyUrl, 'intent-signals', log),
    jobsValkey: connectValkey(config.valkeyUrl, 'intent-jobs', log),
    ledger: connectLedger({ address: config.ledgerAddress, tls, elapsedMs, random, log, metrics, queueMax }),
    walletAccounts: connectWalletAccounts({ address: config.ledgerAddress, tls, metrics }),
    rules: connectRulesNodes(config, log, metrics),
  }
}

/** The Rules service, or several that agree. */
function connectRulesNodes({ rulesAddress, rulesQuorum, tls }: Config, log: Logger, metrics: Metrics): RulesNode {
  const connect = (address: string) => connectRules({ address, tls, metrics, queueMax })
  if (rulesQuorum === undefined) return connect(rulesAddress)
  const { validatorAddresses, size, leastMinor } = rulesQuorum
  const outcomes = new Counter({
    name: 'paymesh_intent_rules_quorum_total',
    help: 'Payments that several Rules nodes were asked about: agreed, outvoted (some dissent), disagreed (not made).',
    labelNames: ['outcome'] as const,
    registers: [metrics.registry],
  })
  const policy = {
    size,
    leastMinor: (assetCode: string) => (typeof leastMinor === 'bigint' ? leastMinor : leastMinor.get(assetCode)),
  }
  return createQuorum({ nodes: [rulesAddress, ...validatorAddresses].map(connect), policy, outcomes, log })
}

async function disconnect(links: Links): Promise<void> {
  for (const client of [links.ledger, links.walletAccounts, links.rules]) client.close()
  for (const valkey of [links.publisher, links.subscriber, links.signalsValkey, links.jobsValkey]) valkey.disconnect()
  await Promise.all([links.pool.end(), links.replica?.end()])
}

function assemble(config: Config, parts: ServiceParts, links: Links) {
  const { log, crashPoint, limits: bounds = realLimits } = parts
  const { clock, nowMs, newUuid } = timeOf(parts)
  const { pool, ledger, walletAccounts } = links
  const accountIds = new AccountIds(config.ledgerNamespace)
  const store = new IntentStore(pool, queueMax)
  const providers = new Map(config.providers.map((options) => [options.name, createHttpProvider(options)]))
  const holds = new HoldStore(pool)
  const wallets = walletDirectory(links, parts)
  const { signals, rules } = assembleDecisions(config, parts, links, wallets)
  // The outbox tells the worker, whose payments tell the outbox.
  const topUps: { worker: Loop | undefined } = { worker: undefined }
  const tellTopUps = createAutoTopUpTrigger(pool, () => topUps.worker?.nudge())
  const told: FanOut[] = [(rows) => signals.remember(rows), tellTopUps]
  const channels = new Channels(parts.channels ?? builtInChannels)
  const { outbox, webhookWorker, webhooks, nudgeOutbox } = assembleEvents(config, parts, links, { channels, told })
  const tools = { store, holds, channels, accountIds, rules, providers, nudgeOutbox }
  const { advance, fail, payments, inbox, finishers } = assemblePayments(parts, links, tools)
  const topUpDeps = { pool, ledger, accountIds, wallets, payments, nowMs, random, crashPoint, log }
  topUps.worker = createAutoTopUpWorker(topUpDeps)
  const watchHub = createWatchHub(links, store, log, bounds)
  const shared = {
    pool,
    reads: readPool(links, log),
    clock,
    store,
    holds,
    advance,
    fail,
    crashPoint,
    channels,
    wallets,
    payments,
    rules,
    providers,
    inbox,
    ledger,
    walletAccounts,
    watchHub,
    accountIds,
  }
  const rpcDeps: RpcDeps = { ...shared, newWalletId: newUuid, newId: newUuid, watchLimits: bounds.watch, webhooks }
  return {
    rpcDeps,
    watchHub,
    loops: [outbox, ...finishers, watchHub, webhookWorker, topUps.worker],
  }
}

/** What makes payments and takes them on to their outcomes. */
function assemblePayments(
  parts: ServiceParts,
  { pool, ledger, jobsValkey }: Links,
  { store, holds, channels, accountIds, rules, providers, nudgeOutbox }: PaymentTools,
) {
  const { log, crashPoint, limits: bounds = realLimits } = parts
  const { nowMs, newUuid } = timeOf(parts)
  const chains = { ledger, house: new HouseAccounts(ledger), accountIds }
  const limits = new LimitAccounts(ledger)
  const chain: AdvanceDeps['runChain'] = (intent, plan) => runChain(chains, intent, plan)
  const inbox = new ProviderInbox({ pool, newId: newUuid, nowMs })
  const submissionWorkers: SubmissionWorker[] = []
  const nudgeWorkers = () => {
    for (const worker of submissionWorkers) worker.nudge()
  }
  const queued = [...providers.keys()].filter((name) => channels.queuedProviders.has(name))
  const queues = new Map(queued.map((name) => [name, new SubmissionQueue(jobsValkey, name, nudgeWorkers)]))
  const carrying = assembleCarrying(pool, store, { inbox, providers, queues }, parts)
  const advance = createAdvance({
    store,
    holds,
    limits,
    channels,
    ...carrying,
    runChain: chain,
    burn: (intent) => burnChain(chains, intent),
    nowMs,
    crashPoint,
    nudgeOutbox,
  })
  const failDeps = { store, holds, advance, nowMs, crashPoint, nudgeOutbox }
  const fail = (intent: Intent, failure: Failure) => failIntent(failDeps, intent, failure)
  const payments = createPayments({
    store,
    rules,
    limits,
    advance,
    channels,
    providers,
    newIntentId: () => intentIdFrom(newUuid()),
    nowMs,
    crashPoint,
    nudgeOutbox,
    inFlightMax: bounds.paymentsMax,
  })
  const finishing = { store, advance, random, log }
  const idleMsMax = bounds.submissionIdleMsMax
  for (const [name, queue] of queues) {
    const provider = providers.get(name)
    if (provider !== undefined)
      submissionWorkers.push(new SubmissionWorker({ ...finishing, provider, queue, idleMsMax }))
  }
  const pollers = [...providers.keys()].map((provider) => createPoller(finishing, provider))
  const booker = createLateSuccessBooker({ pool, store, runChain: chain, random, log })
  const finishers = [createResumer(finishing), ...pollers, booker, ...submissionWorkers]
  return { advance, fail, payments, inbox, finishers }
}

interface PaymentTools extends Pick<CarryOutDeps, 'providers'> {
  readonly store: IntentStore
  readonly holds: HoldStore
  readonly channels: Channels
  readonly accountIds: AccountIds
  readonly rules: Rules
  readonly nudgeOutbox: () => void
}

function readPool({ pool: primary, replica }: Links, log: Logger): ReadPool {
  const onAway = (cause: unknown) => {
    log.warn({ err: cause }, 'the replica does not answer; lists are read from the primary')
  }
  return createReadPool({ primary, replica, elapsedMs, onAway })
}

function walletDirectory({ pool, ledger }: Links, parts: ServiceParts): WalletDirectory {
  const { nowMs } = timeOf(parts)
  return new WalletDirectory({
    pool,
    nowMs,
    openAccount: (name, { id, assetCode }) =>
      ledger.createAccount({ name, assetCode, kind: 'WALLET', owner: `wallets/${id}` }),
  })
}

function createWatchHub({ subscriber }: Links, store: IntentStore, log: Logger, bounds: ServiceLimits): WatchHub {
  return new WatchHub({ subscriber, store, random, log, watchersMax: bounds.watchersMax, pollMs: watchPollMs })
}

/** What the step function needs of providers. */
function assembleCarrying(
  pool: Pool,
  store: IntentStore,
  { inbox, providers, queues }: Pick<CarryOutDeps, 'inbox' | 'providers' | 'queues'>,
  parts: ServiceParts,
): Pick<AdvanceDeps, 'carryOut' | 'giveUp' | 'noteLateSuccess'> {
  const { log, crashPoint } = parts
  const { nowMs, newUuid } = timeOf(parts)
  const submissions = new SubmissionStore(pool)
  const deps = { store, submissions, inbox, providers, queues, nowMs, crashPoint, log }
  return {
    carryOut: (intent, submission, approach) => carryOut(deps, intent, submission, approach),
    giveUp: (intent, failure) => submissions.giveUp(intent.id, failure),
    noteLateSuccess: (intent, submission) => noteLateSuccess({ pool, newId: newUuid, nowMs }, intent, submission),
  }
}

/** What decides payments, and what remembers them for it. */
function assembleDecisions(
  { scoringProviders: providers }: Config,
  parts: ServiceParts,
  links: Links,
  wallets: WalletDirectory,
): { readonly signals: SignalStore; readonly rules: Rules } {
  const { log, metrics, limits = realLimits } = parts
  const { nowMs } = timeOf(parts)
  const outcomes = new Counter({
    name: 'paymesh_intent_signals_total',
    help: 'Payments that signals were wanted for: read, failed (left out), or skipped after failures (left out).',
    labelNames: ['outcome'] as const,
    registers: [metrics.registry],
  })
  const ownerOf = async (walletId: string) => (await wallets.find(walletId))?.owner
  const valkey = links.signalsValkey
  const readMsMax = limits.signalsMsMax
  const signals = new SignalStore({ valkey, ownerOf, nowMs, elapsedMs, readMsMax, outcomes, log })
  const scores = new Counter({
    name: 'paymesh_intent_scores_total',
    help: 'Scores that were wanted: scored, or missing because it failed, was skipped, unknown or the caller left.',
    labelNames: ['provider', 'outcome'] as const,
    registers: [metrics.registry],
  })
  const scoring = createScoring({ providers, elapsedMs, outcomes: scores, log })
  return { signals, rules: createDecider({ rules: links.rules, signals, scoring }) }
}

interface Listeners {
  readonly channels: Channels
  /** Beside webhooks. */
  readonly told: readonly FanOut[]
}

/** What carries events from the outbox to Valkey and to webhooks. */
function assembleEvents(
  config: Config,
  parts: ServiceParts,
  { pool, publisher }: Links,
  { channels, told }: Listeners,
) {
  const { log, crashPoint } = parts
  const { nowMs, newUuid } = timeOf(parts)
  const webhooks = webhookParts(config)
  const webhookWorker = createWebhookWorker(webhooks, pool, parts)
  const onQueued = () => {
    webhookWorker.nudge()
  }
  const tellWebhooks = createFanOut({ pool, channels, nowMs, newId: newUuid, onQueued, log })
  const fanOut: FanOut = async (rows) => {
    await tellWebhooks(rows)
    for (const tell of told) await tell(rows)
  }
  const outbox = createOutboxWorker({ pool, valkey: publisher, fanOut, random, crashPoint, log })
  const nudgeOutbox = () => {
    outbox.nudge()
  }
  return { outbox, webhookWorker, webhooks, nudgeOutbox }
}

function webhookParts({ webhookNetworks, encryptionKeys, isDevelopment }: Config): WebhookParts {
  const guard = new AddressGuard(webhookNetworks)
  return { guard, httpsOnly: !isDevelopment, keyring: new Keyring(encryptionKeys), random: systemRandom }
}

function createWebhookWorker(webhooks: WebhookParts, pool: Pool, parts: ServiceParts): WebhookWorker {
  const { guard, httpsOnly, keyring } = webhooks
  const { log } = parts
  const { nowMs } = timeOf(parts)
  const nameServers = new Resolver({ timeout: dnsTimeoutMs, tries: 2 })
  const resolve = (hostname: string) => resolveHost(nameServers, hostname)
  const sender = { resolve, guard, httpsOnly, timeoutMs: webhookTimeoutMs }
  return new WebhookWorker({ pool, keyring, sender, nowMs, random, log })
}
