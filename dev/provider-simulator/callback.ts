import { setTimeout as delay } from 'node:timers/promises'
import { signatureHeader } from '../../services/intent/webhooks/webhook-signature.js'
import { Secret } from '../../services/runtime/secret.js'

/** A callback's body. */
export interface CallbackEvent {
  readonly event_id: string
  readonly id: string
  readonly reference: string
  readonly status: 'SETTLED' | 'REFUSED'
  readonly reason?: string
  /** Minor units. */
  readonly amount: string
  readonly currency: string
  readonly time: string
}

/** How callbacks are sent. */
export interface CallbackSettings {
  /** Base64 behind `whsec_`, as Standard Webhooks has it. */
  readonly secret: string
  /** Waits between attempts; when they are used up, the callback is given up. */
  readonly retryDelaysMs: readonly number[]
  /** Aborted, no further attempt is made. */
  readonly signal: AbortSignal
}

const ATTEMPT_TIMEOUT_MS = 5_000

/**
 * Sends a callback until it is answered with 2xx, signed anew for each attempt. Resolves with whether it was; never
 * rejects, since there is nobody to tell.
 */
export async function sendCallback(
  url: string,
  event: CallbackEvent,
  { secret, retryDelaysMs, signal }: CallbackSettings,
): Promise<boolean> {
  for (const delayMs of [0, ...retryDelaysMs]) {
    if (!(await waited(delayMs, signal))) return false
    if (await attempt(url, signCallback(event.event_id, JSON.stringify(event), secret), signal)) return true
  }
  return false
}

/** False when the signal came first. */
export async function waited(delayMs: number, signal: AbortSignal): Promise<boolean> {
  return await delay(delayMs, true, { signal }).catch(() => false)
}

/** A callback as it goes over the wire. */
export interface SignedCallback {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** Signs a body now. `secret` is base64 behind `whsec_`. */
export function signCallback(eventId: string, body: string, secret: string): SignedCallback {
  const timestamp = Math.floor(Date.now() / 1000)
  const headers = {
    'content-type': 'application/json',
    'webhook-id': eventId,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatureHeader([keyOf(secret)], eventId, timestamp, body),
  }
  return { headers, body: Buffer.from(body) }
}

async function attempt(url: string, { headers, body }: SignedCallback, signal: AbortSignal): Promise<boolean> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers,
      body,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_TIMEOUT_MS)]),
    })
    await answer.arrayBuffer()
    return answer.ok
  } catch {
    return false
  }
}

function keyOf(secret: string): Secret<Buffer> {
  return new Secret(Buffer.from(secret.replace(/^whsec_/, ''), 'base64'), 'callback secret')
}
