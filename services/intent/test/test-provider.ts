// A provider for tests: it keeps accounts as a bank does, pays each transfer at most once, and lies about it when told to.
import { createHmac, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { Secret } from '../../runtime/secret.js'
import { type HttpProviderOptions } from '../providers/http-provider.js'

export interface Transfer {
  readonly id: string
  readonly amount: string
  readonly currency: string
  readonly destination: Record<string, string>
  readonly content: string
  readonly reference: string
  status: 'ACCEPTED' | 'SETTLED' | 'REFUSED'
}

/** What it does with a submission, and then how it answers; undefined answers as agreed. */
export type Way = (transfer: Transfer, response: ServerResponse) => boolean | undefined

const settle: Way = (transfer) => {
  transfer.status = 'SETTLED'
  return false
}

export class TestProvider {
  readonly transfers = new Map<string, Transfer>()
  /** How often each transfer was submitted. */
  readonly submissions = new Map<string, number>()
  readonly polls = new Map<string, number>()
  /** What it does with new transfers; true when it has answered, or never will. */
  way: Way = settle
  /** How it answers a question about a transfer; true when it has. */
  pollWay: (id: string, response: ServerResponse) => boolean = () => false
  readonly secret = Buffer.alloc(32, 9)
  readonly name: string
  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch(() => response.destroy())
  })

  constructor(name = 'ipps') {
    this.name = name
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get options(): HttpProviderOptions {
    return {
      name: this.name,
      url: this.url,
      key: new Secret('key-of-tests', 'key'),
      callbackSecret: new Secret(this.secret, 'secret'),
      callbackUrl: `http://edge.invalid/v1/providers/${this.name}/callbacks`,
    }
  }

  /** The variables of an Intent process. */
  get environment(): Record<string, string> {
    const prefix = this.name.toUpperCase()
    return {
      [`${prefix}_URL`]: this.url,
      [`${prefix}_KEY`]: 'key-of-tests',
      [`${prefix}_CALLBACK_SECRET`]: this.secret.toString('base64'),
      [`${prefix}_CALLBACK_URL`]: this.options.callbackUrl,
    }
  }

  /** Everything that it has paid, in minor units. */
  get paidMinor(): bigint {
    const paid = [...this.transfers.values()].filter(({ status }) => status === 'SETTLED')
    return paid.reduce((sum, { amount }) => sum + BigInt(amount), 0n)
  }

  transfer(id: string): Transfer {
    const found = this.transfers.get(id)
    if (found === undefined) throw new Error(`nobody submitted ${id}`)
    return found
  }

  body(transfer: Transfer, change: object = {}): string {
    const { id, reference, status, amount, currency } = transfer
    return JSON.stringify({ id, reference, status, amount, currency, ...change })
  }

  /** A callback about a transfer, signed. */
  callback(transfer: Transfer, change: object = {}): { headers: Record<string, string>; body: Buffer } {
    const event = { event_id: `evt_${randomUUID()}`, time: new Date().toISOString() }
    const body = Buffer.from(this.body(transfer, { ...event, ...change }))
    const { event_id: id } = JSON.parse(body.toString()) as { event_id: string }
    return { headers: this.sign(id, body), body }
  }

  /** The headers of a callback with that body. */
  sign(id: string, body: Buffer): Record<string, string> {
    const timestamp = Math.floor(Date.now() / 1000).toString()
    const signature = createHmac('sha256', this.secret).update(`${id}.${timestamp}.`).update(body).digest('base64')
    return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    if (request.headers.authorization !== 'Bearer key-of-tests') response.writeHead(401).end()
    else if (request.method === 'POST' && request.url === '/v1/transfers') this.#submit(body, response)
    else this.#poll((request.url ?? '').slice('/v1/transfers/'.length), response)
  }

  #submit(content: string, response: ServerResponse): void {
    const { id, amount, currency, destination } = JSON.parse(content) as Transfer
    count(this.submissions, id)
    const known = this.transfers.get(id)
    if (known !== undefined && known.content !== content) {
      response.writeHead(409).end('{}')
      return
    }
    const reference = `ref-${this.transfers.size + 1}`
    const transfer = known ?? { id, amount, currency, destination, content, reference, status: 'ACCEPTED' }
    this.transfers.set(id, transfer)
    if (known === undefined && this.way(transfer, response) === true) return
    response.writeHead(transfer.status === 'REFUSED' ? 422 : 202).end(this.body(transfer))
  }

  #poll(id: string, response: ServerResponse): void {
    count(this.polls, id)
    if (this.pollWay(id, response)) return
    const transfer = this.transfers.get(id)
    if (transfer === undefined) response.writeHead(404).end(JSON.stringify({ id, status: 'UNKNOWN' }))
    else response.writeHead(200).end(this.body(transfer))
  }
}

function count(counts: Map<string, number>, id: string): void {
  counts.set(id, (counts.get(id) ?? 0) + 1)
}

/** The ways that tests name. */
export const ways = {
  settle,
  accept: () => false,
  refuse: (transfer) => {
    transfer.status = 'REFUSED'
    return false
  },
  /** It pays, and its answer is lost. */
  settleAndHangUp: (transfer, response) => {
    transfer.status = 'SETTLED'
    response.destroy()
    return true
  },
  /** It has it, and says that it has not. */
  acceptAndFail: (_, response) => {
    response.writeHead(500).end('{"status":"REFUSED"}')
    return true
  },
  /** It has it, and something on the way back says that it was refused. */
  acceptAndTurnDown: (_, response) => {
    response.writeHead(422).end('<html>')
    return true
  },
  garbage: (_, response) => {
    response.writeHead(200).end('<html>')
    return true
  },
} satisfies Record<string, Way>
