import type { CryptoKey } from 'jose'
import type { Clock } from '../../runtime/clock.js'
import type { Logger } from '../../runtime/logger.js'
import type { Keyring } from '../../runtime/keyring.js'
import { whoInside } from '../audit/audit-who.js'
import { reloadIntervalMs, rotateSigningKey } from './signing-key-rotation.js'
import { newSigningKey, openSigningKey, type PublicJwk, type SigningKeyRow, signingKeyStates } from './signing-key.js'
import type { SigningKeyStore } from './signing-key-store.js'

export interface SigningKeysDeps {
  store: Pick<SigningKeyStore, 'add' | 'list' | 'listAll' | 'rotate'>
  keyring: Keyring
  clock: Clock
  log: Logger
  /** How long a key signs before the next one is made. */
  rotateAfterMs: number
}

/** A key that signs now. */
export interface Signer {
  kid: string
  /** The key's own algorithm. */
  algorithm: string
  key: CryptoKey
}

/**
 * The signing keys in memory: made at the first start of the first replica, read again as time passes, and followed by the
 * next one when they are old. While the
 * database is away the last ones read go on serving; nothing about a token or the key set needs it.
 */
export class SigningKeys {
  readonly #deps: SigningKeysDeps
  #rows: readonly SigningKeyRow[] = []
  #opened: ReadonlyMap<string, CryptoKey> = new Map()
  #timer: NodeJS.Timeout | undefined

  private constructor(deps: SigningKeysDeps) {
    this.#deps = deps
  }

  /** Reads the keys, makes the first one when there is none, and keeps reading until `stop`. */
  static async start(deps: SigningKeysDeps): Promise<SigningKeys> {
    const keys = new SigningKeys(deps)
    await keys.#makeFirst()
    await keys.reload()
    keys.#timer = setInterval(() => void keys.#reloadLater(), reloadIntervalMs)
    keys.#timer.unref()
    return keys
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** The key that signs at this moment. */
  signer(): Signer {
    const signing = this.#states().find(({ state }) => state === 'signing')?.key
    const key = signing && this.#opened.get(signing.kid)
    if (signing === undefined || key === undefined) throw new Error('no signing key is in force')
    return { kid: signing.kid, algorithm: signing.algorithm, key }
  }

  /** The public halves of every key that a verifier may meet now or soon. */
  published(): readonly PublicJwk[] {
    return this.#states()
      .filter(({ state }) => state !== 'retired')
      .map(({ key }) => key.publicJwk)
  }

  /** Reads the keys now. Throws when the database is away or a key can't be opened; then the old ones stay in force. */
  async reload(): Promise<void> {
    const rows = await this.#deps.store.list(this.#deps.clock.nowMs())
    const opened = await Promise.all(
      rows.map(async (row) => {
        const key = this.#opened.get(row.kid) ?? (await openSigningKey(this.#deps.keyring, row))
        return [row.kid, key] as const
      }),
    )
    this.#rows = rows
    this.#opened = new Map(opened)
  }

  // Every replica of a new mesh may come here at once: each offers a key for generation 1, one is stored.
  async #makeFirst(): Promise<void> {
    const { store, keyring, clock, log } = this.#deps
    const nowMs = clock.nowMs()
    if ((await store.list(nowMs)).length > 0) return
    const key = await newSigningKey(keyring, 'EdDSA', { generation: 1, publishTimeMs: nowMs, signTimeMs: nowMs })
    if ((await store.add(key, whoInside('identity'))) === 'added')
      log.info({ kid: key.kid }, 'made the first signing key')
  }

  async #reloadLater(): Promise<void> {
    try {
      await this.reload()
      await this.rotateWhenOld()
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'could not read the signing keys; the ones in memory stay in force')
    }
  }

  /** Makes the next key when the newest has signed for long enough; every replica does, and one of them makes it. */
  async rotateWhenOld(): Promise<void> {
    const { clock, rotateAfterMs, log } = this.#deps
    const newest = this.#rows.at(-1)
    if (newest === undefined || newest.signTimeMs + rotateAfterMs > clock.nowMs()) return
    const rotated = await rotateSigningKey({ ...this.#deps, who: whoInside('identity') }, newest.algorithm)
    if (rotated.kind === 'rotated') log.info({ kid: rotated.key.kid }, 'made the next signing key')
    await this.reload()
  }

  #states(): ReturnType<typeof signingKeyStates<SigningKeyRow>> {
    return signingKeyStates(this.#rows, this.#deps.clock.nowMs())
  }
}
