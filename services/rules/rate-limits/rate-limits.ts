import { createHash } from 'node:crypto'
import { type RateLimitRule, type RateSubject, type RequestClass } from './rate-limit-rule.js'

/** A request as the edge describes it: its class and by whom it is counted. */
export interface CountedRequest {
  readonly requestClass: RequestClass
  readonly per: RateSubject
  /** An address, `users/{id}` or `clients/{id}`. */
  readonly subject: string
}

/** One count that a request goes on. */
export interface RateCheck {
  readonly limitId: string
  /** Where the count is kept. */
  readonly key: string
  /** How many requests a window has room for. */
  readonly requests: number
  readonly windowSeconds: number
  /** How many may come at once. */
  readonly burst: number
  readonly isShadow: boolean
  readonly isDeniedUncounted: boolean
}

/** The rate limits of one version, found by what they are of. */
export class RateLimits {
  readonly #rules = new Map<string, RateLimitRule[]>()

  constructor(rules: readonly RateLimitRule[]) {
    for (const rule of rules.filter(({ enabled }) => enabled)) {
      for (const requestClass of new Set(rule.classes)) {
        const key = `${requestClass}/${rule.per}`
        this.#rules.set(key, [...(this.#rules.get(key) ?? []), rule])
      }
    }
  }

  /** The counts that a request goes on, in the order of the document. */
  checksFor({ requestClass, per, subject }: CountedRequest): readonly RateCheck[] {
    const rules = this.#rules.get(`${requestClass}/${per}`) ?? []
    return rules.filter(({ subjects }) => subjects?.includes(subject) ?? true).map((rule) => checkOf(rule, subject))
  }
}

function checkOf(rule: RateLimitRule, subject: string): RateCheck {
  const { requests, burst = requests } = rule.overrides.find((each) => each.subject === subject) ?? rule
  return {
    limitId: rule.id,
    // Of one length whatever the subject is, and nothing that reads as an address or a name.
    key: `rate.${rule.id}.${createHash('sha256').update(subject).digest('base64url').slice(0, 22)}`,
    requests,
    windowSeconds: rule.window_seconds,
    burst,
    isShadow: rule.shadow,
    isDeniedUncounted: rule.when_unavailable === 'DENY',
  }
}
