// Counts requests in Valkey by the generic cell rate algorithm (ITU-T I.371): of each count there is only the time at which
// its room will be whole again. A request moves that time on by an even share of the window, and may pass while it stays
// within the burst of the clock. One clock for all replicas: the server's. The share is kept with it, so that a count goes on
// with as many requests as before when an operator changes the limit.
import { type Redis } from 'ioredis'
import { type RateCheck } from './rate-limits.js'

/** What a count says about a request. */
export interface RateCount {
  readonly check: RateCheck
  readonly isExceeded: boolean
  /** How many more may come at once; of an exceeded count 0. */
  readonly remaining: number
  /** Until the room is whole again, in seconds. */
  readonly resetSeconds: number
  /** Until another request may pass, in seconds; 0 when the request may. */
  readonly retrySeconds: number
}

// Times in microseconds stay exact in Lua's doubles. When a count that refuses is exceeded nothing is counted anywhere, so
// that who is refused by one limit does not use up another; counts that only watch are held to nothing and stop nobody.
const countScript = `
local time = redis.call('time')
local now = time[1] * 1000000 + time[2]
local refused = false
local counts = {}
for at = 1, #KEYS do
  local share, burst = tonumber(ARGV[3 * at - 2]), tonumber(ARGV[3 * at - 1])
  local kept, old = string.match(redis.call('get', KEYS[at]) or '', '^(%d+) (%S+)$')
  local whole = math.max(now, tonumber(kept or 0))
  if kept and tonumber(old) ~= share then whole = now + (whole - now) / tonumber(old) * share end
  local room = burst * share
  local exceeded = whole + share - now > room
  if exceeded and ARGV[3 * at] == '0' then refused = true end
  counts[at] = { whole, share, room, exceeded }
end
local answers = {}
for at = 1, #KEYS do
  local whole, share, room, exceeded = unpack(counts[at])
  if not refused and not exceeded then
    whole = whole + share
    redis.call('set', KEYS[at], string.format('%.0f %.17g', whole, share), 'px', math.ceil((whole - now) / 1000))
  end
  local retry = exceeded and (whole + share - now - room) or 0
  local left = math.max(0, math.floor((room - (whole - now)) / share))
  answers[at] = { exceeded and 1 or 0, left, math.ceil(whole - now), math.ceil(retry) }
end
return answers`

const microseconds = 1_000_000

/** Counts a request in every count given, or in none when one refuses it. Rejects when Valkey does not answer in time. */
export async function countRequest(valkey: Redis, checks: readonly RateCheck[]): Promise<readonly RateCount[]> {
  const keys = checks.map(({ key }) => key)
  const numbers = checks.flatMap(({ requests, windowSeconds, burst, isShadow }) => [
    (windowSeconds * microseconds) / requests,
    burst,
    isShadow ? 1 : 0,
  ])
  const answers: unknown = await valkey.eval(countScript, keys.length, ...keys, ...numbers)
  if (!Array.isArray(answers)) throw new Error('a count came without an answer')
  return checks.map((check, at) => rateCount(check, answers[at]))
}

function rateCount(check: RateCheck, answer: unknown): RateCount {
  const [exceeded = 0, remaining = 0, resetUs = 0, retryUs = 0] = Array.isArray(answer) ? answer.map(Number) : []
  return {
    check,
    isExceeded: exceeded === 1,
    remaining,
    resetSeconds: Math.ceil(resetUs / microseconds),
    retrySeconds: Math.ceil(retryUs / microseconds),
  }
}
