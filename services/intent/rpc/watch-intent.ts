import {
  ClosingReason,
  type WatchIntentRequest,
  type WatchIntentResponse,
} from '../../../gen/paymesh/intent/v1/intent_service.js'
import { type Call } from '../../runtime/call.js'
import { intentNotFound, overloaded } from '../errors.js'
import { type Intent, isFinal } from '../intents/intent.js'
import { type Change, type Watch } from '../events/watch-hub.js'
import { type RpcDeps } from './deps.js'
import { findIntent, type SeenIntent } from './find-intent.js'
import { intentToMessage } from './intent-message.js'

/**
 * Streams an intent: as it is, each change, and a closing message. Fails with INVALID_FIELD, INTENT_NOT_FOUND,
 * NOT_OWNER, OVERLOADED.
 */
export async function* watchIntent(
  deps: RpcDeps,
  call: Call,
  request: WatchIntentRequest,
): AsyncGenerator<WatchIntentResponse> {
  const seen = await findIntent(deps, call, request.name)
  const { id } = seen.intent
  // Watch first and read then: a change in between wakes the watch.
  const watch = deps.watchHub.watch(id)
  if (watch === undefined) throw overloaded()
  const end = () => {
    watch.end()
  }
  call.signal.addEventListener('abort', end, { once: true })
  try {
    yield* follow(deps, call, watch, seen)
  } finally {
    call.signal.removeEventListener('abort', end)
    end()
  }
}

async function* follow(
  deps: RpcDeps,
  call: Call,
  watch: Watch,
  { intent: { id }, view }: SeenIntent,
): AsyncGenerator<WatchIntentResponse> {
  const { heartbeatMs, openMsMax } = deps.watchLimits
  const closeAtMs = deps.clock.nowMs() + openMsMax
  let change: Change = 'changed'
  while (!call.signal.aborted) {
    switch (change) {
      case 'draining':
        yield closing(ClosingReason.SERVER_DRAINING)
        return
      case 'timeout':
        yield { event: { $case: 'heartbeat', heartbeat: {} } }
        break
      case 'changed': {
        const intent = await readIntent(deps, id)
        if (watch.sees(intent.version)) yield { event: { $case: 'intent', intent: intentToMessage(intent, view) } }
        if (!isFinal(intent)) break
        yield closing(ClosingReason.FINAL_STATE)
        return
      }
    }
    const leftMs = closeAtMs - deps.clock.nowMs()
    if (leftMs <= 0) {
      yield closing(ClosingReason.TIME_LIMIT)
      return
    }
    change = await watch.changed(Math.min(heartbeatMs, leftMs))
  }
}

async function readIntent(deps: RpcDeps, id: string): Promise<Intent> {
  const intent = await deps.store.byId(id)
  if (intent === undefined) throw intentNotFound(`intents/${id}`)
  return intent
}

function closing(reason: ClosingReason): WatchIntentResponse {
  return { event: { $case: 'closing', closing: { reason } } }
}
