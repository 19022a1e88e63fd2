// A provider that speaks our protocol over HTTP (docs/adding-a-channel.md).
import { type Secret } from '../../runtime/secret.js'
import { type Intent } from '../intents/intent.js'
import { isSigned } from '../webhooks/webhook-signature.js'
import { type Callback, type ChannelOutcome, type PollOutcome, type Provider } from './provider.js'
import { readAnswer, readCallbackBody, saysUnknown, submissionBody } from './provider-message.js'

export interface HttpProviderOptions {
  readonly name: string
  /** Where its paths begin, without a slash at the end. */
  readonly url: string
  /** What it knows us by. */
  readonly key: Secret
  /** What it signs callbacks with. */
  readonly callbackSecret: Secret<Buffer>
  /** Where it sends them. */
  readonly callbackUrl: string
}

// CreateIntent waits for a submission, and the edge gives it 9.5 seconds; a poll keeps nobody waiting.
const submitTimeoutMs = 8_000
const pollTimeoutMs = 10_000
const answerBytesMax = 65_536
// What a provider that hangs may keep of this process: the payments that wait for it. All other payments go on.
const submissionsMax = 128
// Refusals of a moment, of which the same request may fare better later.
const passingStatuses: ReadonlySet<number> = new Set([408, 409, 425, 429])

interface HttpAnswer {
  readonly status: number
  readonly body: string
}

export function createHttpProvider(options: HttpProviderOptions): Provider {
  let submissions = 0
  return {
    name: options.name,
    isBusy: () => submissions >= submissionsMax,
    submit: async (intent) => {
      submissions += 1
      try {
        return await submit(options, intent)
      } finally {
        submissions -= 1
      }
    },
    poll: (intent) => poll(options, intent),
    readCallback: (headers, body, nowMs): Callback => {
      if (!isSigned(options.callbackSecret, headers, body, nowMs)) return { kind: 'unsigned' }
      const read = readCallbackBody(body.toString())
      // The id that was signed is the event's: otherwise an event could be sent again under another id.
      return read === undefined || read.eventId !== headers.id ? { kind: 'malformed' } : { kind: 'report', ...read }
    },
  }
}

async function submit(options: HttpProviderOptions, intent: Intent): Promise<ChannelOutcome> {
  const body = submissionBody(intent, options.callbackUrl)
  const answer = await ask(options, '/v1/transfers', { method: 'POST', body, timeoutMs: submitTimeoutMs })
  if (answer.kind === 'unknown') return answer
  const { status } = answer
  if (status === 200 || status === 202) return readAnswer(answer.body, intent)
  const unknown: ChannelOutcome = { kind: 'unknown', cause: `it answered ${status}` }
  if (status < 400 || status > 499 || passingStatuses.has(status)) return unknown
  const outcome = readAnswer(answer.body, intent)
  return outcome.kind === 'final' && outcome.report.status === 'REFUSED' ? outcome : unknown
}

async function poll(options: HttpProviderOptions, intent: Intent): Promise<PollOutcome> {
  const answer = await ask(options, `/v1/transfers/${intent.id}`, { method: 'GET', timeoutMs: pollTimeoutMs })
  if (answer.kind === 'unknown') return answer
  // Anything on the way answers 404 when a route is wrong, and what is not found is given back when its time is over.
  if (answer.status === 404 && saysUnknown(answer.body, intent)) return { kind: 'notFound' }
  return answer.status === 200
    ? readAnswer(answer.body, intent)
    : { kind: 'unknown', cause: `it answered ${answer.status}` }
}

interface Request {
  readonly method: 'GET' | 'POST'
  readonly body?: string
  readonly timeoutMs: number
}

type Asked = ({ readonly kind: 'answered' } & HttpAnswer) | { readonly kind: 'unknown'; readonly cause: string }

async function ask({ url, key }: HttpProviderOptions, path: string, request: Request): Promise<Asked> {
  const { method, body, timeoutMs } = request
  try {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${key.reveal()}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
      // Followed, it would carry the key to wherever it points.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    const text = await readBounded(response)
    if (text === undefined) return { kind: 'unknown', cause: 'the answer is too long' }
    return { kind: 'answered', status: response.status, body: text }
  } catch (error) {
    return { kind: 'unknown', cause: causeOf(error) }
  }
}

// What fetch says is "fetch failed"; why, its cause knows.
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

/** The body as text; undefined when it is over the bound, and the rest is not read. */
async function readBounded({ body }: Response): Promise<string | undefined> {
  if (body === null) return ''
  const chunks: Uint8Array[] = []
  let size = 0
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader()
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    size += read.value.length
    if (size > answerBytesMax) {
      await reader.cancel()
      return undefined
    }
    chunks.push(read.value)
  }
  return Buffer.concat(chunks).toString()
}
