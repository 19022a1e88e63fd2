import { createHmac } from 'node:crypto'
import type { Clock } from '../../runtime/clock.js'
import type { Secret } from '../../runtime/secret.js'
import type { Notification, Notifier } from './notification.js'

export interface WebhookNotifierOptions {
  url: string
  /** Signs what is sent. */
  key: Secret<Buffer>
  clock: Clock
}

/** A receiver stores and answers; what takes longer is down. */
const timeoutMs = 5_000

/**
 * Posts each notification as JSON to the service that writes mails and messages, signed as Standard Webhooks has it:
 * HMAC-SHA256 over id, time and body. Any status but 2xx, and no answer in five seconds, means that it is tried again
 * under the same `webhook-id`.
 */
export function webhookNotifier({ url, key, clock }: WebhookNotifierOptions): Notifier {
  return {
    send: async ({ id, kind, email, code, expireTimeMs }: Notification) => {
      const expireTime = new Date(expireTimeMs).toISOString()
      const body = JSON.stringify({ kind, email: email.reveal(), code: code?.reveal(), expireTime })
      const timestamp = Math.floor(clock.nowMs() / 1000)
      const mac = createHmac('sha256', key.reveal()).update(`${id}.${timestamp}.${body}`).digest('base64')
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(timestamp),
          'webhook-signature': `v1,${mac}`,
        },
        body,
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      })
      await response.body?.cancel()
      // The status alone: an answer could quote what it was sent.
      if (!response.ok) throw new Error(`the receiver of notifications answered ${response.status}`)
    },
  }
}
