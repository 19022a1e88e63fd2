// Signatures as Standard Webhooks has them.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
import { createHmac } from 'node:crypto'
import { type Secret } from '../runtime/secret.js'

const prefix = 'whsec_'

/** Key bytes as the owner is shown them. */
export function secretText(key: Secret<Buffer>): string {
  return prefix + key.reveal().toString('base64')
}

/** What a sealed secret is of: moved to another endpoint it does not open. */
export function secretContext(endpointId: string): string {
  return `webhookEndpoints/${endpointId}#secret`
}

/** The value of `webhook-signature`: one signature a key, newest first. */
export function signatureHeader(keys: readonly Secret<Buffer>[], id: string, timestamp: number, body: string): string {
  return keys.map((key) => `v1,${signature(key, id, timestamp, body)}`).join(' ')
}

/** HMAC-SHA256 over id, timestamp in seconds and body. */
function signature(key: Secret<Buffer>, id: string, timestamp: number, body: string): string {
  return createHmac('sha256', key.reveal()).update(`${id}.${timestamp}.${body}`).digest('base64')
}
