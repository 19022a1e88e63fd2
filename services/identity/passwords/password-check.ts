import { NIL } from 'uuid'
import type { Clock } from '../../runtime/clock.js'
import type { Secret } from '../../runtime/secret.js'
import type { KeyedHash } from '../keyed-hash.js'
import { passwordsFromNetwork, passwordsOfAccount } from '../throttles/throttle.js'
import type { Refusal, ThrottleStore } from '../throttles/throttle-store.js'
import type { Email } from '../users/email.js'
import type { PasswordOfUser, UserStore } from '../users/user-store.js'
import type { Vault } from '../vault/vault.js'
import type { PasswordHasher } from './password-hasher.js'
import type { PasswordStore } from './password-store.js'
import type { PlaceStore } from './place-store.js'

/** What became of a password that somebody gave. */
export type Checked =
  | { kind: 'right'; userId: string; hash: string }
  /** `slowsDown`: it was the last one that need not wait. `userId` is whose account it is, where that is certain. */
  | { kind: 'wrong'; slowsDown: boolean; userId: string | undefined }
  /** Too many passwords are being checked; nothing was counted. */
  | { kind: 'busy' }
  | Refusal

export interface PasswordCheckDeps {
  users: Pick<UserStore, 'findPasswords'>
  passwordStore: Pick<PasswordStore, 'find'>
  places: PlaceStore
  throttles: ThrottleStore
  passwords: PasswordHasher
  vault: Vault
  keyedHash: KeyedHash
  clock: Clock
}

/**
 * Checks passwords, and slows down who guesses.
 *
 * Tries are counted by account, which is an address whether or not anybody has it, before the password is looked at: so of
 * any number at once no more are looked at than may. What was wrong is counted by network, too. PostgreSQL counts, as it
 * holds the passwords: where it is away nothing is checked.
 *
 * Somebody who keeps guessing would keep the owner waiting. So where the holder of the address signed in before has a count
 * of its own, which strangers elsewhere do not touch. Only a holder's success clears a count: anybody can register a known
 * address with a password of their own, and would clear it between guesses.
 */
export class PasswordCheck {
  readonly #deps: PasswordCheckDeps

  constructor(deps: PasswordCheckDeps) {
    this.#deps = deps
  }

  /** Checks the password of whoever wrote the address. The same statements and one hash, whoever that is. */
  async signIn(email: Email, password: Secret, network: string | undefined, signal: AbortSignal): Promise<Checked> {
    const { users, throttles, passwords, vault, clock } = this.#deps
    const nowMs = clock.nowMs()
    const emailIndex = vault.emailIndex(email)
    const writers = await users.findPasswords(emailIndex)
    const source = network === undefined ? undefined : await this.#sourceOf(network, emailIndex, writers)
    const account = source?.account ?? emailIndex
    const remembered = throttles.remembered(passwordsOfAccount, account, nowMs)
    if (remembered !== undefined) return remembered
    const looked = source && (await throttles.look(passwordsFromNetwork, source.network, nowMs))
    if (looked?.kind === 'refused') return looked
    const admission = await throttles.admit(passwordsOfAccount, account, nowMs)
    if (admission.kind === 'refused') return admission
    const hashes = writers.map(({ hash }) => hash)
    const found = await passwords.find(password, vault.passwordSalt(email), hashes, signal)
    if (found === 'busy') {
      await throttles.ease(passwordsOfAccount, account, 1, nowMs)
      return { kind: 'busy' }
    }
    const user = found === 'wrong' ? undefined : writers[found.index]
    if (user !== undefined) return await this.#succeed(user, account, source, nowMs)
    if (source !== undefined) await throttles.count(passwordsFromNetwork, source.network, nowMs)
    return wrong(admission.tryCount, writers.find(({ contactVerified }) => contactVerified)?.userId)
  }

  /** Checks the password of a user who is signed in; guesses with a stolen token are counted by user. */
  async own(userId: string, salt: Buffer, password: Secret, signal: AbortSignal): Promise<Checked> {
    const { throttles, passwords, passwordStore, keyedHash, clock } = this.#deps
    const nowMs = clock.nowMs()
    const account = keyedHash.of('user', userId)
    const admission = await throttles.admit(passwordsOfAccount, account, nowMs)
    if (admission.kind === 'refused') return admission
    const hash = await passwordStore.find(userId)
    const found = await passwords.find(password, salt, hash === undefined ? [] : [hash], signal)
    if (found === 'busy') {
      await throttles.ease(passwordsOfAccount, account, 1, nowMs)
      return { kind: 'busy' }
    }
    if (found === 'wrong' || hash === undefined) return wrong(admission.tryCount, userId)
    await throttles.clear(passwordsOfAccount, account)
    return { kind: 'right', userId, hash }
  }

  async #sourceOf(network: string, emailIndex: Buffer, writers: readonly PasswordOfUser[]): Promise<Source> {
    const { keyedHash, places } = this.#deps
    const holder = writers.find(({ contactVerified }) => contactVerified)?.userId ?? NIL
    const isKnown = await places.isKnown(holder, placeOf(keyedHash, holder, network))
    return {
      text: network,
      network: keyedHash.of('network', network),
      account: isKnown ? keyedHash.of('account_at', emailIndex.toString('hex'), network) : emailIndex,
    }
  }

  async #succeed(user: PasswordOfUser, account: Buffer, source: Source | undefined, nowMs: number): Promise<Checked> {
    const { throttles, places, keyedHash } = this.#deps
    const { userId, hash, contactVerified } = user
    if (contactVerified) await throttles.clear(passwordsOfAccount, account)
    else await throttles.ease(passwordsOfAccount, account, 1, nowMs)
    if (source !== undefined) {
      await throttles.ease(passwordsFromNetwork, source.network, easedBySuccess, nowMs)
      await places.remember(userId, placeOf(keyedHash, userId, source.text), nowMs)
    }
    return { kind: 'right', userId, hash }
  }
}

function wrong(tryCount: number, userId: string | undefined): Checked {
  return { kind: 'wrong', slowsDown: tryCount === passwordsOfAccount.freeCount, userId }
}

/** Where a password came from. */
interface Source {
  readonly text: string
  /** Whom `passwordsFromNetwork` counts. */
  readonly network: Buffer
  /** Whom `passwordsOfAccount` counts for somebody there. */
  readonly account: Buffer
}

/**
 * How many wrong passwords of a network a right one makes up for: many people behind one address mistype now and then,
 * and far more often do not.
 */
const easedBySuccess = 10

function placeOf(keyedHash: KeyedHash, userId: string, network: string): Buffer {
  return keyedHash.of('place', userId, network)
}
