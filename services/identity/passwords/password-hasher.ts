import { hash as argon2Hash } from '@node-rs/argon2'
import { timingSafeEqual } from 'node:crypto'
import type { Secret } from '../../runtime/secret.js'

/** The OWASP password storage recommendation for argon2id (the library's default variant): 19 MiB, two passes, one lane. */
const argon2id = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/**
 * How many hashes run at once. Each takes a thread of libuv's four for about 15 ms and 19 MiB; two leave room for
 * what else uses those threads (name look-up, files, key generation).
 */
const runningMax = 2
/** How many may wait. At two at a time the last of 64 waits about half a second, well within a log-in's deadline. */
const waitingMax = 64

/** Told to a caller who is turned away: by then the queue of that moment has been worked off. */
export const busyRetryAfterMs = 1000

/**
 * Hashes and checks passwords, a bounded number at a time. Without the bound a burst of log-ins would queue inside
 * libuv, where nothing can turn it away, and every deadline in the process would be missed together.
 */
export class PasswordHasher {
  readonly #turns: Turns
  #hashCount = 0

  /** Makes a hasher; the bounds are arguments for tests only. */
  constructor(bounds = { runningMax, waitingMax }) {
    this.#turns = new Turns(bounds)
  }

  /** How many hashes were made: what password work there was. */
  get hashCount(): number {
    return this.#hashCount
  }

  /**
   * The hash in PHC form, or `busy` when too many wait; then nothing was done. Rejects when the signal aborts first.
   * `salt` is 16 bytes or more; two hashes of one password under one salt are equal.
   */
  async hash(password: Secret, salt: Buffer, signal: AbortSignal): Promise<{ hash: string } | 'busy'> {
    return await this.#inTurn(signal, async () => ({
      hash: await argon2Hash(password.reveal(), { ...argon2id, salt }),
    }))
  }

  /**
   * Which of the hashes is of the password, the first; `wrong` when none is. What was hashed with one salt and cost is
   * compared after hashing once, so many users of one address cost no more than one, and an address that nobody has costs
   * as much: the time of the answer must not tell who is registered.
   */
  async find(
    password: Secret,
    salt: Buffer,
    hashes: readonly string[],
    signal: AbortSignal,
  ): Promise<{ index: number } | 'wrong' | 'busy'> {
    return await this.#inTurn(signal, async () => {
      const used = hashes.length === 0 ? [{ ...argon2id, salt }] : hashes.map(settingOf)
      const settings = new Map(used.map((setting) => [keyOf(setting), setting]))
      const made: Buffer[] = []
      for (const setting of settings.values()) made.push(Buffer.from(await this.#argon2id(password, setting)))
      const index = hashes.findIndex((hash) => made.some((one) => isEqual(one, Buffer.from(hash))))
      return index < 0 ? 'wrong' : { index }
    })
  }

  async #argon2id(password: Secret, setting: Setting): Promise<string> {
    this.#hashCount++
    return await argon2Hash(password.reveal(), setting)
  }

  async #inTurn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | 'busy'> {
    const turn = this.#turns.take(signal)
    if (turn === 'busy') return turn
    const release = await turn
    try {
      return await work()
    } finally {
      release()
    }
  }
}

interface Setting {
  readonly memoryCost: number
  readonly timeCost: number
  readonly parallelism: number
  readonly salt: Buffer
}

// The PHC string format: $argon2id$v=19$m=19456,t=2,p=1$salt$hash, base64 without padding.
const phc = /^\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,9})\$([A-Za-z0-9+/]+)\$[A-Za-z0-9+/]+$/

function settingOf(hash: string): Setting {
  const [, memory, time, lanes, salt] = phc.exec(hash) ?? []
  if (salt === undefined) throw new Error('a stored password hash is not in PHC form')
  const [memoryCost, timeCost, parallelism] = [Number(memory), Number(time), Number(lanes)]
  return { memoryCost, timeCost, parallelism, salt: Buffer.from(salt, 'base64') }
}

function keyOf({ memoryCost, timeCost, parallelism, salt }: Setting): string {
  return [memoryCost, timeCost, parallelism, salt.toString('base64')].join()
}

function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

type Release = () => void

/** First come, first served; so many at once, so many waiting, the rest turned away. */
class Turns {
  readonly #bounds: { runningMax: number; waitingMax: number }
  #running = 0
  // A set keeps the order of arrival and lets one who gave up leave from the middle.
  readonly #waiting = new Set<() => void>()

  constructor(bounds: { runningMax: number; waitingMax: number }) {
    this.#bounds = bounds
  }

  take(signal: AbortSignal): Promise<Release> | 'busy' {
    if (this.#running < this.#bounds.runningMax) {
      this.#running++
      return Promise.resolve(this.#release)
    }
    if (this.#waiting.size >= this.#bounds.waitingMax) return 'busy'
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal.removeEventListener('abort', giveUp)
        resolve(this.#release)
      }
      const giveUp = (): void => {
        this.#waiting.delete(start)
        reject(new Error('the caller left before the password had its turn', { cause: signal.reason }))
      }
      signal.addEventListener('abort', giveUp, { once: true })
      this.#waiting.add(start)
    })
  }

  // Hands the turn to the next in line without counting down and up, so that nobody slips in between.
  readonly #release = (): void => {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#running--
    } else {
      this.#waiting.delete(next)
      next()
    }
  }
}
