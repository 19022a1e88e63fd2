// A payment provider over HTTP, for tests and for whoever tries Paymesh out. docs/provider-simulator.md is its manual.
import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { z } from 'zod'
import { signCallback, type SignedCallback } from './callback.js'
import { notFound, Provider, type Reply } from './provider.js'
import { type Outcome, type Script, scriptSchema } from './script.js'
import { type Transfer, TransferBook, transferRequestSchema, type TransferView } from './transfer-book.js'

/** How to run one. */
export interface SimulatorOptions {
  /** The bearer token that callers need. */
  readonly key: string
  /** With which callbacks are signed: base64 behind `whsec_`. */
  readonly callbackSecret: string
  /** On 127.0.0.1; a free one unless given. */
  readonly port?: number
  /** Waits between the attempts of a callback. */
  readonly retryDelaysMs?: readonly number[]
  /** Where the books outlive the process; in memory alone unless given. */
  readonly journalFile?: string
}

/** A provider that runs in this process. */
export interface ProviderSimulator {
  /** The base of its API, without a slash at the end. */
  readonly url: string
  /**
   * How it behaves from now on towards a destination that has this value (an account number, a merchant's id), or
   * towards every other, `*`. Undefined takes a script away.
   */
  script(destination: string, script: Script | undefined): void
  /** All that it has in its books. */
  transfers(): TransferView[]
  /** How often an id was posted, whether it was taken in or not. */
  posts(id: string): number
  /** How often an id was asked about. */
  polls(id: string): number
  /** Makes up its mind about a transfer that it has, whatever it had in mind. Tells nobody. */
  decide(id: string, outcome: Outcome, reason?: string): void
  /** Takes in what is on its way to it. */
  arrive(): void
  /** A callback about a transfer as it stands, with what is to be otherwise in it, signed and not sent. */
  callback(id: string, change?: Readonly<Record<string, unknown>>): SignedCallback
  /** The callback with that very body. */
  sign(eventId: string, body: string): SignedCallback
  /** Breaks every connection, those that it keeps waiting too. */
  hangUp(): void
  /** Drops every connection, open requests too. */
  stop(): Promise<void>
}

const RETRY_DELAYS_MS = [500, 2_000, 8_000, 30_000]
const BODY_BYTES_MAX = 65_536

/** Starts a provider. */
export async function startProviderSimulator(options: SimulatorOptions): Promise<ProviderSimulator> {
  const stopping = new AbortController()
  const provider = new Provider(new TransferBook(options.journalFile), {
    secret: options.callbackSecret,
    retryDelaysMs: options.retryDelaysMs ?? RETRY_DELAYS_MS,
    signal: stopping.signal,
  })
  const server = createServer((request, response) => {
    void serve(request, response, provider, options.key)
  })
  await listen(server, options.port ?? 0)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    script: (destination, script) => {
      provider.script(destination, script)
    },
    transfers: () => provider.book.list(),
    posts: (id) => provider.book.posts(id),
    polls: (id) => provider.book.polls(id),
    decide: (id, outcome, reason) => {
      provider.decide(id, outcome, reason)
    },
    arrive: () => {
      provider.arrive()
    },
    callback: (id, change = {}) => provider.signedCallback(id, change),
    sign: (eventId, body) => signCallback(eventId, body, options.callbackSecret),
    hangUp: () => {
      server.closeAllConnections()
    },
    stop: () => {
      stopping.abort()
      return close(server)
    },
  }
}

async function serve(request: IncomingMessage, response: ServerResponse, provider: Provider, key: string) {
  try {
    send(response, await answer(request, provider, key))
  } catch (error) {
    // A caller that hung up in the middle of its body is no fault of the simulator.
    if (!request.destroyed) console.error(error)
    response.destroy()
  }
}

interface Json {
  readonly kind: 'json'
  readonly status: number
  readonly body: unknown
}

async function answer(request: IncomingMessage, provider: Provider, key: string): Promise<Reply | Json> {
  const { pathname } = new URL(request.url ?? '/', 'http://simulator')
  const [, area = '', kind = '', id] = pathname.split('/').map(decodeURIComponent)
  if (area === 'v1' && kind === 'transfers') return await answerCaller(request, provider, key, id)
  if (area === 'scripts' && kind !== '') return await setScript(request, provider, kind)
  if (area === 'transfers' && kind !== '') return await decide(request, provider, kind)
  if (area === 'transfers' && request.method === 'GET') return json(200, { transfers: provider.book.list() })
  return notFound
}

async function answerCaller(request: IncomingMessage, provider: Provider, key: string, id: string | undefined) {
  if (provider.isDown) return { kind: 'reset' as const }
  if (!isKey(request.headers.authorization, key)) return failure(401, 'KEY_WRONG', 'The key is missing or wrong.')
  if (request.method === 'GET' && id !== undefined) return provider.poll(id)
  if (request.method !== 'POST' || id !== undefined) return notFound
  const parsed = transferRequestSchema.safeParse(await readJson(request))
  if (!parsed.success) return failure(400, 'REQUEST_INVALID', fieldsOf(parsed.error.issues))
  return await provider.post(parsed.data)
}

async function setScript(request: IncomingMessage, provider: Provider, destination: string): Promise<Reply | Json> {
  if (request.method === 'DELETE') provider.script(destination, undefined)
  else if (request.method !== 'PUT') return notFound
  else {
    const parsed = scriptSchema.safeParse(await readJson(request))
    if (!parsed.success) return failure(400, 'SCRIPT_INVALID', fieldsOf(parsed.error.issues))
    provider.script(destination, parsed.data)
  }
  return json(200, {})
}

const decisionSchema = z.strictObject({ status: z.enum(['SETTLED', 'REFUSED']), reason: scriptSchema.shape.reason })

async function decide(request: IncomingMessage, provider: Provider, id: string): Promise<Reply | Json> {
  if (request.method !== 'PUT' || provider.book.find(id) === undefined) return notFound
  const parsed = decisionSchema.safeParse(await readJson(request))
  if (!parsed.success) return failure(400, 'DECISION_INVALID', fieldsOf(parsed.error.issues))
  provider.decideAloud(id, parsed.data.status, parsed.data.reason)
  return json(200, {})
}

function fieldsOf(issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): string {
  return issues.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`).join('; ')
}

function failure(status: number, code: string, message: string): Reply {
  return { kind: 'error', status, code, message }
}

function json(status: number, body: unknown): Json {
  return { kind: 'json', status, body }
}

function send(response: ServerResponse, reply: Reply | Json): void {
  switch (reply.kind) {
    case 'nothing':
      return
    case 'reset':
      response.socket?.resetAndDestroy()
      return
    case 'page':
      response.writeHead(reply.status ?? 200, { 'content-type': 'text/html' })
      response.end('<!doctype html><title>Maintenance</title><h1>We are back soon</h1>')
      return
    case 'unknown':
      sendJson(response, 404, { id: reply.id, status: 'UNKNOWN' })
      return
    case 'error':
      sendJson(response, reply.status, { error: { code: reply.code, message: reply.message } })
      return
    case 'transfer':
      sendJson(
        response,
        reply.status ?? (reply.transfer.status === 'ACCEPTED' ? 202 : 200),
        transferBody(reply.transfer),
      )
      return
    case 'json':
      sendJson(response, reply.status, reply.body)
  }
}

function transferBody({ id, reference, status, reason, amount, currency }: Transfer) {
  return {
    id,
    ...(reference === '' ? {} : { reference }),
    status,
    ...(reason === undefined ? {} : { reason }),
    amount,
    currency,
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

function isKey(header: string | undefined, key: string): boolean {
  const [given, wanted] = [Buffer.from(header ?? ''), Buffer.from(`Bearer ${key}`)]
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

/** Undefined for a body that is too long or no JSON. */
async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= BODY_BYTES_MAX) chunks.push(chunk)
  }
  try {
    return size > BODY_BYTES_MAX ? undefined : (JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown)
  } catch {
    return undefined
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      resolve()
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve()
    })
    server.closeAllConnections()
  })
}
