import {
  type RateLimitDescriptor,
  type ShouldRateLimitRequest,
  type ShouldRateLimitResponse,
  ShouldRateLimitResponse_Code as Code,
} from '../../../gen/envoy/service/ratelimit/v3/rate_limit_service.js'
import type { Call } from '../../runtime/call.js'
import { FieldCheck } from '../../runtime/field-check.js'
import { errorDomain } from '../errors.js'
import { type RateCount } from '../rate-limits/rate-counter.js'
import { type RateAnswer, type RateLimiter } from '../rate-limits/rate-limiter.js'
import { requestClasses, type RequestClass } from '../rate-limits/rate-limit-rule.js'
import { type CountedRequest } from '../rate-limits/rate-limits.js'

export interface ShouldRateLimitDeps {
  readonly rateLimiter: Pick<RateLimiter, 'answer'>
}

const descriptorsMax = 8

/** Fails with INVALID_FIELD. A descriptor that says nothing known is bound by nothing. */
export async function shouldRateLimit(
  { rateLimiter }: ShouldRateLimitDeps,
  _call: Pick<Call, 'log'>,
  request: ShouldRateLimitRequest,
): Promise<ShouldRateLimitResponse> {
  const check = new FieldCheck(errorDomain)
  check.that(request.domain === 'edge', 'domain', 'must be edge')
  const { descriptors } = request
  check.that(descriptors.length <= descriptorsMax, 'descriptors', `must be at most ${descriptorsMax}`)
  check.done()
  const counted = descriptors.map(countedRequest)
  const answers = await rateLimiter.answer(counted.filter((each) => each !== undefined))
  const left = [...answers]
  const statuses = counted.map((each) => {
    const answer = each === undefined ? undefined : left.shift()
    return { code: answer?.mayPass === false ? Code.OVER_LIMIT : Code.OK }
  })
  const overallCode = statuses.some(({ code }) => code === Code.OVER_LIMIT) ? Code.OVER_LIMIT : Code.OK
  return { overallCode, statuses, responseHeadersToAdd: headersOf(answers) }
}

function countedRequest({ entries }: RateLimitDescriptor): CountedRequest | undefined {
  const values = new Map(entries.map(({ key, value }) => [key, value]))
  const requestClass = values.get('class')
  if (!isRequestClass(requestClass)) return undefined
  const [network, subject] = [values.get('masked_remote_address'), values.get('subject')]
  // As people write them: 192.0.2.1, and 2001:db8::/64.
  if (network !== undefined) return { requestClass, per: 'ADDRESS', subject: network.replace(/\/32$/, '') }
  if (subject === undefined) return undefined
  return { requestClass, per: subject.startsWith('clients/') ? 'CLIENT' : 'USER', subject }
}

function isRequestClass(text: string | undefined): text is RequestClass {
  return requestClasses.some((each) => each === text)
}

/** As draft-ietf-httpapi-ratelimit-headers-10 writes them, and RFC 9110's Retry-After. */
function headersOf(answers: readonly RateAnswer[]): { key: string; value: string }[] {
  const counts = answers.flatMap((answer) => answer.counts)
  const isRefused = answers.some(({ mayPass }) => !mayPass)
  // Where nothing was counted nobody knows when; soon is as good as any.
  const retrySeconds = Math.max(1, ...counts.map((count) => count.retrySeconds))
  return [
    ...(counts.length === 0
      ? []
      : [
          { key: 'ratelimit-policy', value: counts.map(policyItem).join(', ') },
          { key: 'ratelimit', value: counts.map(limitItem).join(', ') },
        ]),
    ...(isRefused ? [{ key: 'retry-after', value: String(retrySeconds) }] : []),
  ]
}

const policyItem = ({ check }: RateCount) => `"${check.limitId}";q=${check.requests};w=${check.windowSeconds}`
const limitItem = ({ check, remaining, resetSeconds }: RateCount) =>
  `"${check.limitId}";r=${remaining};t=${resetSeconds}`
