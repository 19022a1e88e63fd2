import type { Clock } from '../../runtime/clock.js'
import type { Logger } from '../../runtime/logger.js'
import type { KycCase, KycFinding } from './kyc-case.js'
import type { KycProvider } from './kyc-provider.js'
import type { KycStore } from './kyc-store.js'

export interface KycChecksDeps {
  kyc: Pick<KycStore, 'takeSubmitted' | 'beginReview'>
  /** Undefined: people decide without. */
  provider: KycProvider | undefined
  clock: Clock
  log: Logger
}

const batchMax = 16
/** Attempts at 0, 2, 6, 14 s and so on: the eleventh is half an hour after the case was handed in. */
export const attemptsMax = 11

/** Asks the provider of each case, until it answers or for half an hour, and brings the case to a person. */
export class KycChecks {
  readonly #deps: KycChecksDeps

  constructor(deps: KycChecksDeps) {
    this.#deps = deps
  }

  /** One round; true when there may be more at once. */
  async check(): Promise<boolean> {
    const { kyc, clock } = this.#deps
    const taken = await kyc.takeSubmitted(clock.nowMs(), batchMax)
    await Promise.all(taken.map(({ found, checkCount }) => this.#checkOne(found, checkCount)))
    return taken.length === batchMax
  }

  async #checkOne(found: KycCase, checkCount: number): Promise<void> {
    const answer = await this.#ask(found, checkCount)
    if (answer === 'later') return
    await this.#deps.kyc.beginReview(found.id, answer.finding, answer.reference)
  }

  async #ask(found: KycCase, checkCount: number): Promise<{ finding: KycFinding; reference: string } | 'later'> {
    const { provider, log } = this.#deps
    const unchecked = { finding: 'NOT_CHECKED', reference: '' } as const
    if (provider === undefined) return unchecked
    try {
      return await provider.check(found)
    } catch (error) {
      log.warn({ err: error, case: found.id, attempt: checkCount }, 'the KYC provider gave no finding')
      return checkCount < attemptsMax ? 'later' : unchecked
    }
  }
}
