// Signatures as Standard Webhooks has them.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
import { createHmac, timingSafeEqual } from 'node:crypto'
import { type Secret } from '../../runtime/secret.js'

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

/** The three headers of a message as they arrived; empty where one is missing. */
export interface SignatureHeaders {
  readonly id: string
  readonly timestamp: string
  readonly signature: string
}

// Both ways, as the specification has it: our clock and theirs differ, and a message may be sent again by somebody else.
const toleranceMs = 5 * 60_000
// As many keys as overlap while one replaces another.
const signaturesMax = 8

/** Whether the very bytes of a body were signed with the key, at most five minutes ago. */
export function isSigned(key: Secret<Buffer>, headers: SignatureHeaders, body: Buffer, nowMs: number): boolean {
  const { id, timestamp } = headers
  if (id === '' || !/^\d{1,12}$/.test(timestamp)) return false
  if (Math.abs(nowMs - Number(timestamp) * 1000) > toleranceMs) return false
  const expected = Buffer.from(`v1,${signature(key, id, Number(timestamp), body)}`)
  return headers.signature
    .split(' ', signaturesMax)
    .map((given) => Buffer.from(given))
    .some((given) => given.length === expected.length && timingSafeEqual(given, expected))
}

/** HMAC-SHA256 over id, timestamp in seconds and body. */
function signature(key: Secret<Buffer>, id: string, timestamp: number, body: string | Buffer): string {
  return createHmac('sha256', key.reveal()).update(`${id}.${timestamp}.`).update(body).digest('base64')
}
