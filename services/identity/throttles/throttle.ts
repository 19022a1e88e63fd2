/**
 * How often something may be tried: some tries are free, then each waits twice as long as the one before, up to a bound.
 * A try before its time is refused and counts for nothing, so whoever keeps knocking does not lengthen the wait, and
 * nobody is locked out for good.
 */
export interface ThrottlePolicy {
  /** What is counted; part of the key. */
  readonly kind: string
  /** Tries that need not wait for each other. */
  readonly freeCount: number
  /** The first wait, after the last free try. */
  readonly firstDelayMs: number
  readonly delayMsMax: number
  /** Without a try for so long, all is forgotten. Longer than any wait. */
  readonly forgetMs: number
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/**
 * Codes and notices to one address, whoever asks: registrations, codes once more, forgotten passwords. An address is
 * mailed to at most five times at once, then ever more slowly, down to once in three hours, however many try.
 */
export const mailsToAddress: ThrottlePolicy = {
  kind: 'mails_to_address',
  freeCount: 5,
  firstDelayMs: minuteMs,
  delayMsMax: 3 * hourMs,
  forgetMs: dayMs,
}

/** Codes to one user. A mail takes a moment to arrive, so even the second waits. */
export const codesToUser: ThrottlePolicy = {
  kind: 'codes_to_user',
  freeCount: 1,
  firstDelayMs: minuteMs,
  delayMsMax: 3 * hourMs,
  forgetMs: dayMs,
}

/** Passwords for one account. Ten are anybody's who mistypes; after that the best rate is about a hundred a day. */
export const passwordsOfAccount: ThrottlePolicy = {
  kind: 'passwords_of_account',
  freeCount: 10,
  firstDelayMs: 1000,
  delayMsMax: 15 * minuteMs,
  forgetMs: dayMs,
}

/**
 * Wrong passwords from one network, whatever the account: for who tries one password on many. A network may be an office or
 * a whole mobile carrier, so the bound is a minute.
 */
export const passwordsFromNetwork: ThrottlePolicy = {
  kind: 'passwords_from_network',
  freeCount: 100,
  firstDelayMs: 1000,
  delayMsMax: minuteMs,
  forgetMs: hourMs,
}

/** PINs of one user. There are a million, and people choose few of them: five, then ever fewer, down to two a day. */
export const pinsOfUser: ThrottlePolicy = {
  kind: 'pins_of_user',
  freeCount: 5,
  firstDelayMs: minuteMs,
  delayMsMax: 12 * hourMs,
  forgetMs: 30 * dayMs,
}

/** Every policy. */
export const throttlePolicies = [mailsToAddress, codesToUser, passwordsOfAccount, passwordsFromNetwork, pinsOfUser]

/** No policy remembers for longer. */
export const throttleDaysMax = 31

/** How long to wait after a number of tries, 1 and up. */
export function delayMsAfter(tryCount: number, policy: ThrottlePolicy): number {
  if (tryCount < policy.freeCount) return 0
  // Beyond 2^40 the bound has long been reached, and a larger power would stop being exact.
  return Math.min(policy.delayMsMax, policy.firstDelayMs * 2 ** Math.min(40, tryCount - policy.freeCount))
}
