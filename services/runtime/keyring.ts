import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { Secret } from './secret.js'

/**
 * Authenticated encryption of small values, and the keys that do it.
 *
 * Two levels. A *key-encryption key* comes from the environment, has an id, and wraps nothing but keys and a handful
 * of service secrets. A *data key* is made per user, lies wrapped beside the user, and seals that user's fields: to
 * erase a person is to drop one row, in the database and in every backup that outlives it, and to rotate the
 * key-encryption key is to wrap keys again, never to touch the fields.
 *
 * A sealed value is `version (1) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`, AES-256-GCM. The associated data names the
 * record and the field ("users/{id}#email"), so that a value moved to another row or column does not open. Nonces are
 * random: 2^32 values under one key keep the chance of a repeated nonce under 2^-32 (NIST SP 800-38D 8.3); a data key
 * seals a few fields and a key-encryption key one value per user.
 */

/** The only format so far. The byte is there so that the next one can be told apart. */
const version = 1
const nonceBytes = 12
const tagBytes = 16
/** AES-256. */
export const keyBytes = 32

/** The value does not open: other key, other record, or changed bytes. GCM does not tell which. */
export class SealBrokenError extends Error {
  constructor(context: string) {
    super(`the sealed value of ${context} does not open`)
    this.name = 'SealBrokenError'
  }
}

/** Encrypts under the key. `context` is what the value is of, such as "users/{id}#email". */
export function seal(key: Secret<Buffer>, plain: Buffer, context: string): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key.reveal(), nonce)
  cipher.setAAD(Buffer.from(context))
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([Buffer.of(version), nonce, body, cipher.getAuthTag()])
}

/** Decrypts what `seal` made with the same key and context. Throws SealBrokenError. */
export function unseal(key: Secret<Buffer>, sealed: Buffer, context: string): Buffer {
  if (sealed.length < 1 + nonceBytes + tagBytes || sealed[0] !== version) throw new SealBrokenError(context)
  const nonce = sealed.subarray(1, 1 + nonceBytes)
  // Stated length: Node would otherwise take a tag cut to four bytes for a whole one.
  const decipher = createDecipheriv('aes-256-gcm', key.reveal(), nonce, { authTagLength: tagBytes })
  decipher.setAAD(Buffer.from(context))
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes))
  try {
    const body = decipher.update(sealed.subarray(1 + nonceBytes, sealed.length - tagBytes))
    return Buffer.concat([body, decipher.final()])
  } catch {
    throw new SealBrokenError(context)
  }
}

/** A value sealed by a key-encryption key, and which one. */
export interface Wrapped {
  keyId: string
  sealed: Buffer
}

/** The key-encryption keys by id: the first one wraps, all of them unwrap. */
export class Keyring {
  readonly #keys: ReadonlyMap<string, Secret<Buffer>>
  readonly #wrapping: { id: string; key: Secret<Buffer> }

  /** @param keys at least one; 32 bytes each. */
  constructor(keys: readonly { id: string; key: Secret<Buffer> }[]) {
    const [first] = keys
    if (first === undefined) throw new Error('a keyring needs at least one key')
    this.#wrapping = first
    this.#keys = new Map(keys.map(({ id, key }) => [id, key]))
  }

  /** The id of the key that wraps. */
  get wrappingKeyId(): string {
    return this.#wrapping.id
  }

  wrap(plain: Secret<Buffer>, context: string): Wrapped {
    return { keyId: this.#wrapping.id, sealed: seal(this.#wrapping.key, plain.reveal(), context) }
  }

  /** Throws SealBrokenError, and an error that names the id of a key that is not in the ring. */
  unwrap(wrapped: Wrapped, context: string): Secret<Buffer> {
    const key = this.#keys.get(wrapped.keyId)
    if (key === undefined) {
      throw new Error(`key-encryption key "${wrapped.keyId}" of ${context} is not in KEY_ENCRYPTION_KEYS`)
    }
    return new Secret(unseal(key, wrapped.sealed, context), 'key')
  }
}

/**
 * A name under which an encrypted value can be found again: HMAC-SHA256 under a key of its own. Without the key nobody
 * can test a guess against the column, which a plain hash of an e-mail address would allow. The field is part of the
 * input, so that an equal text in another column has another index.
 */
export function blindIndex(key: Secret<Buffer>, field: string, value: Secret): Buffer {
  return createHmac('sha256', key.reveal()).update(`${field}\0`).update(value.reveal()).digest()
}
