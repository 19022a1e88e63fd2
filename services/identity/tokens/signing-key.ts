import { calculateJwkThumbprint, type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import type { Keyring, Wrapped } from '../../runtime/keyring.js'
import { Secret } from '../../runtime/secret.js'

/**
 * The keys that sign access tokens.
 *
 * Keys come in generations. A key is *published* (in the key set, not signing) from its publish time, *signing* from
 * its sign time until the next generation's sign time, then published again so that what it signed still verifies,
 * and *retired* from its retire time, when it leaves the key set. The state follows from the times and the clock
 * alone, so a rotation is one insert and one update, every replica changes key at the same moment, and no job has to
 * run at the right second.
 *
 * signing-key-rotation.ts makes the next one. The first generation signs at once, there being nothing that knows an older one.
 */

/** EdDSA (Ed25519) signs fast and needs no random number per signature; ES256 is there for verifiers without it. */
export type SigningAlgorithm = 'EdDSA' | 'ES256'

/** A key as stored. Times are ms since the epoch. */
export interface SigningKeyRow {
  /** 1, 2, 3, …; unique, which is what makes replicas agree on who made the next one. */
  generation: number
  /** RFC 7638 thumbprint of the public key. */
  kid: string
  /** What the key signs with, fixed for its life and never taken from a token. */
  algorithm: SigningAlgorithm
  publicJwk: PublicJwk
  privateJwk: Wrapped
  publishTimeMs: number
  signTimeMs: number
  retireTimeMs: number | undefined
}

/** An entry of the key set (RFC 7517 section 4). */
export type PublicJwk = Readonly<Record<'kty' | 'crv' | 'x' | 'kid' | 'alg' | 'use', string>> & { readonly y?: string }

/** Where a key stands. Whatever is in the table and not retired is in the key set. */
export type SigningKeyState = 'published' | 'signing' | 'retired'

type Times = Pick<SigningKeyRow, 'generation' | 'signTimeMs' | 'retireTimeMs'>

/** The state of each key at a time. Unless every key is retired, exactly one signs. */
export function signingKeyStates<K extends Times>(
  keys: readonly K[],
  nowMs: number,
): { key: K; state: SigningKeyState }[] {
  const retired = (key: K): boolean => key.retireTimeMs !== undefined && key.retireTimeMs <= nowMs
  const inForce = keys.filter((key) => !retired(key)).sort((one, other) => one.generation - other.generation)
  // The oldest when no key's time has come: so it is on a replica whose clock is behind that of the one which made the
  // first key.
  const signer = inForce.findLast((key) => key.signTimeMs <= nowMs) ?? inForce[0]
  return keys.map((key) => ({ key, state: retired(key) ? 'retired' : key === signer ? 'signing' : 'published' }))
}

/** Makes a key pair and seals its private half. */
export async function newSigningKey(
  keyring: Keyring,
  algorithm: SigningAlgorithm,
  times: Pick<SigningKeyRow, 'generation' | 'publishTimeMs' | 'signTimeMs'>,
): Promise<SigningKeyRow> {
  const pair = await generateKeyPair(algorithm, { extractable: true })
  const publicJwk = await publicJwkOf(pair.publicKey, algorithm)
  const privateText = Buffer.from(JSON.stringify(await exportJWK(pair.privateKey)))
  const privateJwk = keyring.wrap(new Secret(privateText, 'key'), context(publicJwk.kid))
  return { ...times, kid: publicJwk.kid, algorithm, publicJwk, privateJwk, retireTimeMs: undefined }
}

/** The private key, ready to sign and not extractable. Throws when the keyring can't open it. */
export async function openSigningKey(keyring: Keyring, row: SigningKeyRow): Promise<CryptoKey> {
  const text = keyring.unwrap(row.privateJwk, context(row.kid)).reveal().toString()
  const jwk: unknown = JSON.parse(text)
  if (!isJwk(jwk)) throw new Error(`signing key ${row.kid} is not a JWK`)
  const key = await importJWK(jwk, row.algorithm, { extractable: false })
  if (key instanceof Uint8Array) throw new Error(`signing key ${row.kid} is symmetric`)
  return key
}

// Named members only, so that a private one can't slip in by being copied along.
async function publicJwkOf(key: CryptoKey, algorithm: SigningAlgorithm): Promise<PublicJwk> {
  const jwk = await exportJWK(key)
  const { kty, crv, x, y } = jwk
  if (kty === undefined || crv === undefined || x === undefined) throw new Error('an exported public key lacks members')
  const kid = await calculateJwkThumbprint(jwk)
  return { kty, crv, x, ...(y === undefined ? {} : { y }), kid, alg: algorithm, use: 'sig' }
}

function isJwk(value: unknown): value is JWK {
  return typeof value === 'object' && value !== null && 'kty' in value
}

function context(kid: string): string {
  return `signingKeys/${kid}#private_jwk`
}
