import { hash as argon2Hash, verify as argon2Verify } from '@node-rs/argon2'
import { randomBytes } from 'node:crypto'
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
  // What an unknown user's password is checked against: made by the same code with the same cost.
  readonly #dummyHash: string

  private constructor(dummyHash: string, turns: Turns) {
    this.#dummyHash = dummyHash
    this.#turns = turns
  }

  /** Makes a hasher; the bounds are arguments for tests only. */
  static async create(bounds = { runningMax, waitingMax }): Promise<PasswordHasher> {
    return new PasswordHasher(await argon2Hash(randomBytes(16), argon2id), new Turns(bounds))
  }

  /** The hash in PHC form, or `busy` when too many wait; then nothing was done. Rejects when the signal aborts first. */
  async hash(password: Secret, signal: AbortSignal): Promise<{ hash: string } | 'busy'> {
    const turn = this.#turns.take(signal)
    if (turn === 'busy') return turn
    const release = await turn
    try {
      return { hash: await argon2Hash(password.reveal(), argon2id) }
    } finally {
      release()
    }
  }

  /**
   * Whether the password is the one that was hashed. With no hash, as of an unknown user, the same work is done and
   * the answer is `wrong`: the time of the answer must not tell who is registered.
   */
  async verify(hash: string | undefined, password: Secret, signal: AbortSignal): Promise<'right' | 'wrong' | 'busy'> {
    const turn = this.#turns.take(signal)
    if (turn === 'busy') return turn
    const release = await turn
    try {
      const matches = await argon2Verify(hash ?? this.#dummyHash, password.reveal())
      return matches && hash !== undefined ? 'right' : 'wrong'
    } finally {
      release()
    }
  }
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
