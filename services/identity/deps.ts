import type pg from 'pg'
import type { Clock } from '../runtime/clock.js'
import { type Random, uuidV7 } from '../runtime/ids.js'
import type { CallAudit } from '../runtime/call-audit.js'
import type { Logger } from '../runtime/logger.js'
import { Loop } from '../runtime/loop.js'
import { AuditStore } from './audit/audit-store.js'
import { auditedCalls } from './audit/audited-calls.js'
import { ClientKeyStore } from './clients/client-key-store.js'
import { ClientStore } from './clients/client-store.js'
import { CodeStore } from './codes/code-store.js'
import type { IdentityConfig } from './config.js'
import { ChallengeStore } from './devices/challenge-store.js'
import { DeviceStore } from './devices/device-store.js'
import { PinStore } from './pins/pin-store.js'
import { KeyedHash } from './keyed-hash.js'
import type { Notifier } from './notifications/notification.js'
import { NotificationDelivery } from './notifications/notification-delivery.js'
import { KycChecks } from './kyc/kyc-checks.js'
import type { KycProvider } from './kyc/kyc-provider.js'
import { KycStore } from './kyc/kyc-store.js'
import { NotificationStore } from './notifications/notification-store.js'
import { ThrottleStore } from './throttles/throttle-store.js'
import { GrantStore } from './roles/grant-store.js'
import { Keyring } from '../runtime/keyring.js'
import { PasswordCheck } from './passwords/password-check.js'
import { PlaceStore } from './passwords/place-store.js'
import { PasswordHasher } from './passwords/password-hasher.js'
import type { IdentityDeps } from './server.js'
import { PasswordStore } from './passwords/password-store.js'
import { SessionList } from './sessions/session-list.js'
import { SessionStore } from './sessions/session-store.js'
import { NonceStore } from './signatures/nonce-store.js'
import { SigningKeyStore } from './tokens/signing-key-store.js'
import { SigningKeys } from './tokens/signing-keys.js'
import { UserStore } from './users/user-store.js'
import { Vault } from './vault/vault.js'

/** From outside: everything that main makes once and a test may want to choose. */
export interface Surroundings {
  config: Pick<
    IdentityConfig,
    'TOKEN_ISSUER' | 'TOKEN_AUDIENCE' | 'KEY_ENCRYPTION_KEYS' | 'BLIND_INDEX_KEY' | 'SIGNING_KEY_DAYS'
  >
  pool: pg.Pool
  clock: Clock
  random: Random
  notifier: Notifier
  /** Undefined: people decide KYC cases without. */
  kycProvider?: KycProvider | undefined
  /** How many passwords are hashed at once, and wait; for tests. */
  passwordBounds?: { runningMax: number; waitingMax: number }
  log: Logger
}

/** What handlers and loops are given. The caller stops `signingKeys`, and starts and stops the loops. */
export type Parts = IdentityDeps & {
  signingKeys: SigningKeys
  sessions: SessionStore
  users: UserStore
  codes: CodeStore
  throttles: ThrottleStore
  places: PlaceStore
  challenges: ChallengeStore
  signingKeyStore: SigningKeyStore
  clientKeys: ClientKeyStore
  nonces: NonceStore
  kyc: KycStore
  kycChecks: KycChecks
  kycLoop: Loop
  audit: AuditStore
  callAudit: CallAudit
  delivery: NotificationDelivery
  deliveryLoop: Loop
}

const dayMs = 24 * 60 * 60_000

/** Builds everything between the pool and the handlers; makes the first signing key when there is none. */
export async function createDeps(surroundings: Surroundings): Promise<Parts> {
  const { config, pool, clock, random, notifier, log } = surroundings
  const keyring = new Keyring(config.KEY_ENCRYPTION_KEYS)
  const keyedHash = new KeyedHash(config.BLIND_INDEX_KEY)
  const signingKeyStore = new SigningKeyStore(pool)
  const rotateAfterMs = config.SIGNING_KEY_DAYS * dayMs
  const vault = new Vault(keyring, keyedHash)
  const notifications = new NotificationStore(pool, keyring)
  const delivery = new NotificationDelivery({ store: notifications, notifier, clock, log })
  const audit = new AuditStore(pool)
  const newId = () => uuidV7(clock, random)
  const deliveryLoop = createLoop('notifications', () => delivery.deliver(), random, log)
  const kyc = new KycStore(pool)
  const kycChecks = new KycChecks({ kyc, provider: surroundings.kycProvider, clock, log })
  const kycLoop = createLoop('kyc checks', () => kycChecks.check(), random, log)
  return {
    ...passwordParts(surroundings, keyedHash, vault),
    sessions: new SessionStore(pool),
    sessionList: new SessionList(pool),
    devices: new DeviceStore(pool),
    challenges: new ChallengeStore(pool),
    pins: new PinStore(pool),
    grants: new GrantStore(pool),
    codes: new CodeStore(pool),
    clients: new ClientStore(pool),
    clientKeys: new ClientKeyStore(pool),
    nonces: new NonceStore(pool),
    audit,
    callAudit: auditedCalls({ audit, keyedHash, clock, newId, log }),
    keyring,
    keyedHash,
    vault,
    signingKeys: await SigningKeys.start({ store: signingKeyStore, keyring, clock, log, rotateAfterMs }),
    signingKeyStore,
    delivery,
    deliveryLoop,
    kyc,
    kycChecks,
    kycLoop,
    nudgeKyc: () => {
      kycLoop.nudge()
    },
    nudgeDelivery: () => {
      deliveryLoop.nudge()
    },
    issuer: config.TOKEN_ISSUER,
    audience: config.TOKEN_AUDIENCE,
    clock,
    random,
    newId,
  }
}

function passwordParts({ pool, clock, passwordBounds }: Surroundings, keyedHash: KeyedHash, vault: Vault) {
  const [users, passwordStore, places] = [new UserStore(pool), new PasswordStore(pool), new PlaceStore(pool)]
  const throttles = new ThrottleStore(pool)
  const passwords = new PasswordHasher(passwordBounds)
  const parts = { users, passwordStore, places, throttles, passwords, vault, keyedHash, clock }
  return { ...parts, passwordCheck: new PasswordCheck(parts) }
}

// What was just stored is worked off at once; looking is for that of replicas that died and for repeats.
const restMs = 2_000
const restMsMax = 30_000

function createLoop(name: string, work: () => Promise<boolean>, random: Random, log: Logger): Loop {
  return new Loop({
    name,
    work,
    restMs,
    restMsMax,
    random: () => Buffer.from(random(4)).readUInt32BE() / 2 ** 32,
    log,
  })
}
