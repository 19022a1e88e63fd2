import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { Parsed } from '../parsed.js'

/** A public key of a device: on P-256, which is what phones keep in hardware. */
export interface DeviceKey {
  key: KeyObject
  /** SubjectPublicKeyInfo in DER, the point uncompressed: one key has one form. */
  spki: Buffer
  /** SHA-256 of it. */
  hash: Buffer
}

/** Node's name of P-256. */
const curve = 'prime256v1'
// With the point uncompressed it has 91 bytes.
const spkiBytesMax = 256
const coordinate = /^[A-Za-z0-9_-]{43}$/

const problem = { problem: 'must be a P-256 public key' }

/** What is wrong with the bytes as SubjectPublicKeyInfo in DER, or the key. */
export function parseSpki(spki: Uint8Array): Parsed<DeviceKey> {
  if (spki.length === 0) return { problem: 'is required' }
  if (spki.length > spkiBytesMax) return problem
  return parsed(() => createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }))
}

/** What is wrong with the members of a JSON Web Key, or the key. */
export function parseJwk(jwk: { kty: string; crv: string; x: string; y: string }): Parsed<DeviceKey> {
  const { kty, crv, x, y } = jwk
  if (kty !== 'EC' || crv !== 'P-256' || !coordinate.test(x) || !coordinate.test(y)) return problem
  return parsed(() => createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' }))
}

/** The key that was stored. */
export function storedKey(spki: Buffer): KeyObject {
  return createPublicKey({ key: spki, format: 'der', type: 'spki' })
}

// OpenSSL refuses a point that is not on the curve, and whatever else is no key.
function parsed(read: () => KeyObject): Parsed<DeviceKey> {
  try {
    const given = read()
    if (given.asymmetricKeyType !== 'ec' || given.asymmetricKeyDetails?.namedCurve !== curve) return problem
    // By way of its coordinates: a compressed point and an uncompressed one are the same key.
    const key = createPublicKey({ key: given.export({ format: 'jwk' }), format: 'jwk' })
    const spki = key.export({ format: 'der', type: 'spki' })
    return { value: { key, spki, hash: createHash('sha256').update(spki).digest() } }
  } catch {
    return problem
  }
}

const p1363Bytes = 64
/** The longest DER form of two numbers of 32 bytes. */
export const signatureBytesMax = 72

/** Whether the signature is of the key over the message: ECDSA with SHA-256, P1363 when it has 64 bytes, otherwise DER. */
export function isSignedBy(key: KeyObject, message: Buffer, signature: Uint8Array): boolean {
  const dsaEncoding = signature.length === p1363Bytes ? 'ieee-p1363' : 'der'
  return verify('sha256', message, { key, dsaEncoding }, signature)
}
