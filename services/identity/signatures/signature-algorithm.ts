import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto'
import type { Secret } from '../../runtime/secret.js'

/** A key that a signature is compared with. Its algorithm is its own: no request chooses. */
export type VerifyingKey =
  | { readonly algorithm: 'hmac-sha256'; readonly secret: Secret<Buffer> }
  | { readonly algorithm: 'ed25519'; readonly publicKey: Buffer }

const ed25519KeyBytes = 32

/** Whether the key made this signature of these bytes. */
export function isSignatureOf(key: VerifyingKey, signed: Buffer, signature: Buffer): boolean {
  if (key.algorithm === 'ed25519') return verify(null, signed, publicKeyOf(key.publicKey), signature)
  const right = createHmac('sha256', key.secret.reveal()).update(signed).digest()
  return right.length === signature.length && timingSafeEqual(right, signature)
}

function publicKeyOf(bytes: Buffer) {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') }, format: 'jwk' })
}

// The points of small order, without their sign, as RFC 7748, 7 and RFC 8032 have them and in their longer forms: under
// such a key, which a buffer that nobody filled is, everybody can sign.
const smallOrder: ReadonlySet<string> = new Set([
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
])

/** Whether the bytes can be a public key that only the holder of a private one signs for. */
export function isEd25519PublicKey(bytes: Uint8Array): boolean {
  if (bytes.length !== ed25519KeyBytes) return false
  const unsigned = Buffer.from(bytes)
  unsigned[ed25519KeyBytes - 1] = (unsigned[ed25519KeyBytes - 1] ?? 0) & 0x7f
  return !smallOrder.has(unsigned.toString('hex'))
}
