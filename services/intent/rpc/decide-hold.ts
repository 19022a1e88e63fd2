// What ConfirmIntent and CancelIntent have in common: a wish about a hold is written, and then carried out.
import { type Call } from '../../runtime/call.js'
import { dependencyUnavailable, holdExpired, intentNotHeld, requestIdReused } from '../errors.js'
import { type Wish } from '../intents/hold-store.js'
import { type Intent, type RequestKey } from '../intents/intent.js'
import { replayHeader } from './answer-payment.js'
import { type RpcDeps } from './deps.js'
import { readIntent } from './find-intent.js'

export interface HoldRequest {
  /** As it was read for authorization. */
  readonly intent: Intent
  readonly key: RequestKey
  readonly wish: Wish
  /** What is wrong with the amount; undefined when nothing is. */
  readonly problem: Error | undefined
}

/**
 * Answers the intent after its hold was decided about, by this request or by what came first. Idempotency comes before
 * state; what the request id stands for is asked only where the answer would be an error. Throws REQUEST_ID_REUSED, the
 * problem, HOLD_EXPIRED, INTENT_NOT_HELD, DEPENDENCY_UNAVAILABLE.
 */
export async function decideHold(deps: RpcDeps, call: Call, request: HoldRequest): Promise<Intent> {
  const { intent, key, wish, problem } = request
  deps.crashPoint('before-wish')
  const wished = problem === undefined ? await deps.holds.wish(intent.id, wish, key) : undefined
  deps.crashPoint('after-wish')
  if (wished !== undefined) return await outcomeOf(deps, wished)

  const earlier = await deps.holds.earlier(key)
  const now = await readIntent(deps, `intents/${intent.id}`)
  if (earlier === undefined) throw refusalOf(now, wish, problem)
  if (!earlier.requestHash.equals(key.requestHash)) throw requestIdReused(key.requestId)
  call.sendHeader(replayHeader, 'true')
  return await outcomeOf(deps, now)
}

function refusalOf(intent: Intent, wish: Wish, problem: Error | undefined): Error {
  const name = `intents/${intent.id}`
  if (intent.status.state !== 'AUTHORIZED') return intentNotHeld(name, intent.status.state)
  if (problem !== undefined) return problem
  // Nobody else confirms it, so the time is what refused.
  if (wish.kind === 'CAPTURE' && intent.captureMinor === undefined && intent.submission === undefined)
    return holdExpired(name)
  return intentNotHeld(name, intent.status.state)
}

async function outcomeOf(deps: RpcDeps, intent: Intent): Promise<Intent> {
  const advanced = await deps.advance(intent)
  if (advanced.kind === 'waiting') throw dependencyUnavailable('ledger', advanced.cause)
  return advanced.intent
}
