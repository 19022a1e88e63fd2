import type { Clock } from '../../runtime/clock.js'
import type { Keyring } from '../../runtime/keyring.js'
import type { AuditWho } from '../audit/audit-record.js'
import { accessLifeMs } from '../sessions/session.js'
import { newSigningKey, type SigningAlgorithm, type SigningKeyRow } from './signing-key.js'
import type { SigningKeyStore } from './signing-key-store.js'

/**
 * How often replicas read the keys again. Before a new key signs, every one has read it many times over.
 */
export const reloadIntervalMs = 15_000

/** How long a verifier may keep the key set; the edge does (`cache_duration`), and fetches nothing for an unknown key. */
export const keySetAgeMsMax = 60_000

/**
 * From publishing a key to signing with it: a replica reads it, a verifier that fetched the key set just before keeps that
 * for its time, and once more in case a fetch fails. With as much as a reading for clocks that differ.
 */
export const publishLeadMs = 2 * keySetAgeMsMax + 2 * reloadIntervalMs

/** From a key's last signature to its leaving the key set: the life of an access token, and clocks that differ. */
export const verifyTailMs = accessLifeMs + 2 * reloadIntervalMs

export interface RotationDeps {
  store: Pick<SigningKeyStore, 'rotate' | 'listAll'>
  keyring: Keyring
  clock: Clock
  /** Who asks for the next key. */
  who: AuditWho
}

export type Rotated =
  | { kind: 'rotated'; key: SigningKeyRow }
  /** The next key is there already and waits for its time, or another replica was quicker. */
  | { kind: 'underway' }

/**
 * Makes the next key: published now, signing once every verifier has it; the one before retires when nothing that it signed is good
 * any more. So nobody fails, and any number may ask for it at once. A key that somebody else may have must go at once: with
 * `compromised` the new key signs now and the old ones are gone now; everybody has to refresh, and is refused until the
 * edge has the new key set, a minute at most.
 */
export async function rotateSigningKey(
  { store, keyring, clock, who }: RotationDeps,
  algorithm: SigningAlgorithm,
  compromised = false,
): Promise<Rotated> {
  const nowMs = clock.nowMs()
  const newest = (await store.listAll()).at(-1)
  if (newest !== undefined && newest.signTimeMs > nowMs && !compromised) return { kind: 'underway' }
  const generation = (newest?.generation ?? 0) + 1
  const signTimeMs = compromised ? nowMs : nowMs + publishLeadMs
  const key = await newSigningKey(keyring, algorithm, { generation, publishTimeMs: nowMs, signTimeMs })
  const added = await store.rotate(key, compromised ? nowMs + 1 : signTimeMs + verifyTailMs, who)
  return added === 'added' ? { kind: 'rotated', key } : { kind: 'underway' }
}
