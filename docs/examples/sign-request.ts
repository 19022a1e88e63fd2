// Signs the requests of a machine client, as docs/machine-clients.md describes. Made to be copied: it needs Node and
// nothing else.
import { createHash, createHmac, type KeyObject, randomUUID, sign } from 'node:crypto'

/** What signs: the secret as it was shown, or the private half of a key whose public half was added to the client. */
export type SigningKey =
  { readonly keyId: string; readonly secret: string } | { readonly keyId: string; readonly privateKey: KeyObject }

/** A request before it is signed. */
export interface UnsignedRequest {
  readonly method: string
  readonly url: string
  /** Exactly what will be sent. */
  readonly body?: string
  /** The user in whose name the client acts, `users/{user}`. */
  readonly onBehalfOf?: string
}

/**
 * The headers to send with a request, once: a repeat must be signed anew, with the same `requestId` in its body.
 *
 *     const request = { method: 'POST', url: `${api}/v1/intents`, body: JSON.stringify(payment) }
 *     await fetch(request.url, { ...request, headers: signRequest(key, request) })
 *
 * @param createdMs now, in milliseconds since the epoch.
 * @param nonce 16 to 64 characters that were never used with this key before.
 */
export function signRequest(
  key: SigningKey,
  request: UnsignedRequest,
  createdMs: number = Date.now(),
  nonce: string = randomUUID(),
): Record<string, string> {
  const { pathname, search } = new URL(request.url)
  const headers = headersToSign(request)
  const covered: [string, string][] = [
    ['@method', request.method],
    ['@path', pathname],
    ['@query', search === '' ? '?' : search],
    ...Object.entries(headers).filter(([name]) => name !== 'content-type'),
  ]
  const names = covered.map(([name]) => `"${name}"`).join(' ')
  const parameters = `(${names});created=${Math.floor(createdMs / 1000)};keyid="${key.keyId}";nonce="${nonce}"`
  const base = [...covered, ['@signature-params', parameters]].map(([name, value]) => `"${name}": ${value}`).join('\n')
  return {
    ...headers,
    'signature-input': `sig=${parameters}`,
    signature: `sig=:${signatureOf(key, Buffer.from(base)).toString('base64')}:`,
  }
}

function headersToSign({ body, onBehalfOf }: UnsignedRequest): Record<string, string> {
  return {
    ...(body !== undefined && {
      'content-type': 'application/json',
      'content-digest': `sha-256=:${createHash('sha256').update(body).digest('base64')}:`,
    }),
    ...(onBehalfOf !== undefined && { 'paymesh-on-behalf-of': onBehalfOf }),
  }
}

function signatureOf(key: SigningKey, base: Buffer): Buffer {
  if ('privateKey' in key) return sign(null, base, key.privateKey)
  const secret = Buffer.from(key.secret.replace('pmsec_', ''), 'base64')
  return createHmac('sha256', secret).update(base).digest()
}
