import { blindIndex } from '../runtime/keyring.js'
import { Secret } from '../runtime/secret.js'

/**
 * Hashes under BLIND_INDEX_KEY of what has to be compared or found again but never read. What it is of is part of the
 * input, so equal texts of two kinds have two hashes.
 */
export class KeyedHash {
  readonly #key: Secret<Buffer>

  constructor(key: Secret<Buffer>) {
    this.#key = key
  }

  /** 32 bytes. `parts` must hold no NUL, which keeps them apart. */
  of(kind: string, ...parts: readonly (Secret | string)[]): Buffer {
    const text = parts.map((part) => (part instanceof Secret ? part.reveal() : part)).join('\0')
    return blindIndex(this.#key, kind, new Secret(text))
  }
}
