// The accounts of limits' windows: asked of the Ledger by the first payment in a window, remembered for those after it.
//
// What is remembered may be out of date: when a cap changes, its window gets another account and the old one is emptied.
// Nothing can be spent there any more, so a payment that was led astray is refused and asks again. Only an account of the
// very cap that was asked for is remembered: to who asks for a cap of before, the Ledger answers the account of a newer
// one, and that must not stand in for the cap of before when it is published again.
import { type Ledger } from '../ledger/ledger-client.js'
import { type LimitAccount, type LimitLeg, type LimitUsage } from './limit.js'

export interface EnsuredLimit {
  readonly account: LimitAccount
  readonly usage: LimitUsage
}

// About 300 bytes each.
const knownMax = 100_000

export class LimitAccounts {
  readonly #ledger: Pick<Ledger, 'ensureLimit'>
  /** The answer or the question under way, the oldest first. */
  readonly #known = new Map<string, Promise<EnsuredLimit>>()

  constructor(ledger: Pick<Ledger, 'ensureLimit'>) {
    this.#ledger = ledger
  }

  /** The accounts of a payment's legs, in their order. Rejects with RpcError. */
  async of(legs: readonly LimitLeg[]): Promise<readonly LimitAccount[]> {
    const ensured = await Promise.all(legs.map((leg) => this.#known.get(windowKey(leg)) ?? this.#ask(leg)))
    return ensured.map(({ account }) => account)
  }

  /** How the windows stand in the Ledger, whatever was remembered. Rejects with RpcError. */
  async refresh(legs: readonly LimitLeg[]): Promise<readonly EnsuredLimit[]> {
    return await Promise.all(legs.map((leg) => this.#ask(leg)))
  }

  #ask(leg: LimitLeg): Promise<EnsuredLimit> {
    const key = windowKey(leg)
    const asked = this.#ledger.ensureLimit(leg)
    this.#known.delete(key)
    this.#known.set(key, asked)
    const forget = () => {
      if (this.#known.get(key) === asked) this.#known.delete(key)
    }
    void asked.then(({ usage }) => {
      if (usage.cap !== leg.cap) forget()
    }, forget)
    const [oldest] = this.#known.keys()
    if (this.#known.size > knownMax && oldest !== undefined) this.#known.delete(oldest)
    return asked
  }
}

// The version too, though rule sets are published that change nothing of a limit, and its account stays: the Ledger has to
// know of each, so that what was decided by one in between cannot set its cap.
function windowKey({ limit, scopeKey, window, cap, ruleSetVersion }: LimitLeg): string {
  return `${limit} ${scopeKey} ${window.name} ${cap} ${ruleSetVersion}`
}
