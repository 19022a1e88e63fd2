import { type Redis } from 'ioredis'
import { Counter } from 'prom-client'
import { type Logger } from '../../runtime/logger.js'
import { type Metrics } from '../../runtime/metrics.js'
import { countRequest, type RateCount } from './rate-counter.js'
import { type CountedRequest, type RateCheck, type RateLimits } from './rate-limits.js'

/** Whether a request may pass, with what its limits say; in the order in which it was described. */
export interface RateAnswer {
  readonly mayPass: boolean
  /** The counts that refuse or would; empty when nothing was counted. */
  readonly counts: readonly RateCount[]
}

export interface RateLimiterDeps {
  readonly valkey: Redis
  /** Those in force; undefined when nothing is published. */
  readonly limits: () => RateLimits | undefined
  readonly metrics: Pick<Metrics, 'registry'>
  readonly log: Logger
}

export class RateLimiter {
  readonly #deps: RateLimiterDeps
  readonly #exceeded: Counter<'limit' | 'shadow'>
  readonly #uncounted: Counter
  #isCounting = true

  constructor(deps: RateLimiterDeps) {
    const registers = [deps.metrics.registry]
    this.#deps = deps
    this.#exceeded = new Counter({
      name: 'paymesh_rate_limit_exceeded_total',
      help: 'Requests over a rate limit; those over a shadow limit passed.',
      labelNames: ['limit', 'shadow'] as const,
      registers,
    })
    this.#uncounted = new Counter({
      name: 'paymesh_rate_limit_uncounted_total',
      help: 'Requests that could not be counted and passed or not as their limits say.',
      registers,
    })
  }

  /** One answer for each way in which the edge describes the request. */
  async answer(requests: readonly CountedRequest[]): Promise<readonly RateAnswer[]> {
    const limits = this.#deps.limits()
    const checks = requests.map((request) => limits?.checksFor(request) ?? [])
    // Most deployments limit few classes: who is bound by nothing waits for nothing.
    const counts = checks.some(({ length }) => length > 0) ? await this.#count(checks.flat()) : []
    if (counts === undefined) return checks.map((of) => ({ mayPass: !of.some(isDenied), counts: [] }))
    for (const { check, isExceeded } of counts) {
      if (isExceeded) this.#exceeded.inc({ limit: check.limitId, shadow: String(check.isShadow) })
    }
    return checks.map((of) => {
      const own = counts.filter(({ check }) => of.includes(check) && !check.isShadow)
      return { mayPass: !own.some(({ isExceeded }) => isExceeded), counts: own }
    })
  }

  /** Undefined when Valkey cannot count. */
  async #count(checks: readonly RateCheck[]): Promise<readonly RateCount[] | undefined> {
    try {
      const counts = await countRequest(this.#deps.valkey, checks)
      this.#isCounting = true
      return counts
    } catch (error) {
      // One record an outage, not one a request.
      if (this.#isCounting) this.#deps.log.warn({ err: error }, 'requests cannot be counted')
      this.#isCounting = false
      this.#uncounted.inc()
      return undefined
    }
  }
}

const isDenied = ({ isDeniedUncounted, isShadow }: RateCheck): boolean => isDeniedUncounted && !isShadow
