// One attempt of a delivery: resolves the host, looks at its addresses, connects to the one that was looked at, and sends.
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { type IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { type AddressGuard } from './address-guard.js'
import { type DeliveryFailure } from './webhook.js'

export interface Address {
  readonly address: string
}

export interface SenderDeps {
  /** All addresses of a host; none, or a rejection, when it has none. */
  readonly resolve: (hostname: string) => Promise<readonly Address[]>
  readonly guard: AddressGuard
  /** Whether plain HTTP is refused. */
  readonly httpsOnly: boolean
  /** How long an attempt may take, the resolving included. */
  readonly timeoutMs: number
}

export interface Message {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export type SendOutcome =
  | { readonly kind: 'delivered'; readonly status: number }
  | { readonly kind: 'failed'; readonly failure: DeliveryFailure; readonly status: number | undefined }
  /** Given up because `stop` aborted; whether it arrived is not known. */
  | { readonly kind: 'stopped' }

// What is read of an answer, so that the other side can finish writing. Nothing of it is looked at or kept.
const answerBytesMax = 65_536

/** Sends a message by POST; follows no redirect. Never rejects for what the other side does. */
export async function sendMessage(deps: SenderDeps, message: Message, stop: AbortSignal): Promise<SendOutcome> {
  const timeout = AbortSignal.timeout(deps.timeoutMs)
  const signal = AbortSignal.any([timeout, stop])
  const attempt = await trySending(deps, message, signal)
  if (attempt.kind === 'failed' && attempt.status === undefined) {
    if (stop.aborted) return { kind: 'stopped' }
    if (timeout.aborted) return failed('TIMEOUT')
  }
  return attempt
}

async function trySending(deps: SenderDeps, message: Message, signal: AbortSignal): Promise<SendOutcome> {
  const url = new URL(message.url)
  // Checked when the endpoint was written; the configuration may have changed since.
  if (url.protocol !== 'https:' && (deps.httpsOnly || url.protocol !== 'http:')) return failed('ADDRESS_REFUSED')
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const addresses = await addressesOf(deps, hostname, signal)
  const [first] = addresses
  if (first === undefined) return failed('NAME_NOT_RESOLVED')
  // One that is refused among many is an attempt to have it chosen some other time.
  if (!addresses.every(({ address }) => deps.guard.permits(address))) return failed('ADDRESS_REFUSED')
  const status = await post(url, hostname, first.address, message, signal)
  if (status === undefined) return failed('CONNECTION_FAILED')
  return status >= 200 && status <= 299 ? { kind: 'delivered', status } : failed('STATUS_REFUSED', status)
}

function failed(failure: DeliveryFailure, status?: number): SendOutcome {
  return { kind: 'failed', failure, status }
}

/** None when the name has none, or it took too long to learn them: a look-up cannot be called off. */
async function addressesOf(deps: SenderDeps, hostname: string, signal: AbortSignal): Promise<readonly Address[]> {
  if (isIP(hostname) !== 0) return [{ address: hostname }]
  const none: readonly Address[] = []
  return await new Promise((resolve) => {
    const giveUp = () => {
      resolve(none)
    }
    signal.addEventListener('abort', giveUp, { once: true })
    deps
      .resolve(hostname)
      .then(resolve, giveUp)
      .finally(() => {
        signal.removeEventListener('abort', giveUp)
      })
  })
}

/** The status of the answer; undefined when there was none. */
function post(
  url: URL,
  hostname: string,
  address: string,
  { headers, body }: Message,
  signal: AbortSignal,
): Promise<number | undefined> {
  const isSecure = url.protocol === 'https:'
  const send = isSecure ? requestHttps : requestHttp
  return new Promise((resolve) => {
    const request = send({
      // The address that was looked at, not the name: a second look-up could answer another.
      host: address,
      port: url.port === '' ? (isSecure ? 443 : 80) : Number(url.port),
      ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
      method: 'POST',
      path: `${url.pathname}${url.search}`,
      headers: { ...headers, host: url.host, 'content-length': Buffer.byteLength(body) },
      setHost: false,
      // No connection is kept: each attempt looks at the address anew.
      agent: false,
      signal,
    })
    request.on('response', (answer) => {
      resolve(answer.statusCode)
      discard(answer)
    })
    // After an answer, and whenever the other side breaks off, this says nothing new.
    request.on('error', () => {
      resolve(undefined)
    })
    request.end(body)
  })
}

function discard(answer: IncomingMessage): void {
  let bytes = 0
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > answerBytesMax) answer.destroy()
  })
  answer.on('error', () => undefined)
}
