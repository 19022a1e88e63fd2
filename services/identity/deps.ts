import type pg from 'pg'
import type { Clock } from '../runtime/clock.js'
import { type Random, uuidV7 } from '../runtime/ids.js'
import type { Logger } from '../runtime/logger.js'
import type { IdentityConfig } from './config.js'
import { GrantStore } from './roles/grant-store.js'
import { Keyring } from '../runtime/keyring.js'
import { PasswordHasher } from './passwords/password-hasher.js'
import type { IdentityDeps } from './server.js'
import { SessionStore } from './sessions/session-store.js'
import { SigningKeyStore } from './tokens/signing-key-store.js'
import { SigningKeys } from './tokens/signing-keys.js'
import { UserStore } from './users/user-store.js'
import { Vault } from './vault/vault.js'

/** From outside: everything that main makes once and a test may want to choose. */
export interface Surroundings {
  config: Pick<IdentityConfig, 'TOKEN_ISSUER' | 'TOKEN_AUDIENCE' | 'KEY_ENCRYPTION_KEYS' | 'BLIND_INDEX_KEY'>
  pool: pg.Pool
  clock: Clock
  random: Random
  log: Logger
}

/** What handlers and loops are given. The caller stops `signingKeys`. */
export type Parts = IdentityDeps & { signingKeys: SigningKeys; sessions: SessionStore }

/** Builds everything between the pool and the handlers; makes the first signing key when there is none. */
export async function createDeps({ config, pool, clock, random, log }: Surroundings): Promise<Parts> {
  const keyring = new Keyring(config.KEY_ENCRYPTION_KEYS)
  return {
    users: new UserStore(pool),
    sessions: new SessionStore(pool),
    grants: new GrantStore(pool),
    vault: new Vault(keyring, config.BLIND_INDEX_KEY),
    passwords: await PasswordHasher.create(),
    signingKeys: await SigningKeys.start({ store: new SigningKeyStore(pool), keyring, clock, log }),
    issuer: config.TOKEN_ISSUER,
    audience: config.TOKEN_AUDIENCE,
    clock,
    random,
    newId: () => uuidV7(clock, random),
  }
}
