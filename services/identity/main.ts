import type pg from 'pg'
import { startAdminServer } from '../runtime/admin-server.js'
import { systemClock } from '../runtime/clock.js'
import { tlsFiles } from '../runtime/config.js'
import { createHttpServer } from '../runtime/http-server.js'
import { systemRandom } from '../runtime/ids.js'
import { createPool } from '../runtime/postgres.js'
import { type ProcessParts, type RunningService, runService } from '../runtime/process.js'
import { createServer } from '../runtime/server.js'
import { type IdentityConfig, readConfig } from './config.js'
import { createDeps } from './deps.js'
import { ExpiredRows } from './expired-rows.js'
import { httpKycProvider } from './kyc/http-kyc-provider.js'
import type { KycProvider } from './kyc/kyc-provider.js'
import { fileNotifier } from './notifications/file-notifier.js'
import type { Notifier } from './notifications/notification.js'
import { webhookNotifier } from './notifications/webhook-notifier.js'
import { identityBindings } from './server.js'
import { answerWellKnown } from './tokens/well-known.js'

// The answers are in memory: whoever takes longer is not reading them.
const httpRequestTimeoutMs = 5_000

runService('identity', start)

async function start({ log, metrics }: ProcessParts): Promise<RunningService> {
  const config = readConfig(process.env)
  const tls = tlsFiles(config)
  const pool = createPool({ url: config.DATABASE_URL, max: config.DATABASE_POOL_MAX, applicationName: 'identity', log })
  const notifier = notifierOf(config)
  const kycProvider = kycProviderOf(config)
  const surroundings = { config, pool, clock: systemClock, random: systemRandom, notifier, kycProvider, log }
  const deps = await createDeps(surroundings)
  const { sessions, codes, throttles, users, places, challenges, signingKeyStore, clientKeys, nonces } = deps
  const kyc = { deleteExpired: (nowMs: number, countMax: number) => deps.kyc.expire(nowMs, countMax) }
  const stores = [sessions, codes, throttles, users, places, challenges, signingKeyStore, clientKeys, nonces, kyc]
  const expired = new ExpiredRows({ stores, clock: systemClock, log })
  const http = createHttpServer({
    listenAddress: config.HTTP_ADDRESS,
    tls,
    peers: ['edge', 'operator'],
    requestTimeoutMs: httpRequestTimeoutMs,
    handle: ({ method, path }) => Promise.resolve(answerWellKnown(deps, method, path)),
    log,
  })
  const bindings = identityBindings(deps)
  const server = createServer({
    name: 'identity',
    listenAddress: config.LISTEN_ADDRESS,
    tls,
    bindings,
    audit: deps.callAudit,
    reflection: config.ENVIRONMENT === 'development',
    drainDelayMs: config.DRAIN_DELAY_MS,
    log,
    metrics,
  })
  await http.listen()
  await server.listen()
  deps.deliveryLoop.start()
  deps.kycLoop.start()
  let stopping = false
  const isReady = async (): Promise<boolean> => !stopping && (await answers(pool))
  const admin = await startAdminServer({ address: config.ADMIN_ADDRESS, metrics, isReady })
  for (const name of ['', ...bindings.map(({ serviceName }) => serviceName)]) server.setServing(name, true)
  return {
    stop: async () => {
      stopping = true
      // The edge learns from gRPC health checks; the HTTP port is drained once they have had their time.
      await server.drain()
      await http.drain()
      deps.signingKeys.stop()
      await deps.deliveryLoop.stop()
      await deps.kycLoop.stop()
      await expired.stop()
      await admin.close()
      await pool.end()
    },
  }
}

function notifierOf({
  NOTIFICATION_FILE: file,
  NOTIFICATION_URL: url,
  NOTIFICATION_KEY: key,
}: IdentityConfig): Notifier {
  if (file !== undefined) return fileNotifier(file)
  if (url === undefined || key === undefined) throw new Error('the configuration was not checked')
  return webhookNotifier({ url, key, clock: systemClock })
}

function kycProviderOf({ KYC_PROVIDER_URL: url, KYC_PROVIDER_KEY: key }: IdentityConfig): KycProvider | undefined {
  return url === undefined || key === undefined ? undefined : httpKycProvider({ url, key, clock: systemClock })
}

async function answers(pool: pg.Pool): Promise<boolean> {
  try {
    await pool.query('select 1')
    return true
  } catch {
    return false
  }
}
