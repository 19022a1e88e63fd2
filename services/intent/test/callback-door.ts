// What lets a provider's callbacks in to an Intent over HTTP, as the edge does.
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo } from 'node:net'
import {
  ProviderCallbackServiceService,
  ReceiveCallbackRequest,
} from '../../../gen/paymesh/intent/v1/provider_callback_service.js'
import { type TestIntent } from './test-intent.js'

export class CallbackDoor {
  /** Where callbacks are handed over; until there is one, they are answered 503. */
  intent: TestIntent | undefined
  /** How many were handed over, whatever came of it. */
  handedOver = 0
  readonly #provider: string
  readonly #server = createServer((request, response) => {
    this.#handOver(request).then(
      () => response.writeHead(200).end(),
      () => response.writeHead(503).end(),
    )
  })

  private constructor(provider: string) {
    this.#provider = provider
  }

  static async open(provider = 'ipps'): Promise<CallbackDoor> {
    const door = new CallbackDoor(provider)
    door.#server.listen(0, '127.0.0.1')
    await once(door.#server, 'listening')
    return door
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/callbacks`
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  async #handOver(request: IncomingMessage): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const headers = Object.fromEntries(
      Object.entries(request.headers).flatMap(([name, value]) =>
        name.startsWith('webhook-') && typeof value === 'string' ? [[name, value]] : [],
      ),
    )
    if (this.intent === undefined) throw new Error('nobody is there')
    const received = ReceiveCallbackRequest.fromPartial({
      provider: this.#provider,
      body: { data: Buffer.concat(chunks) },
    })
    try {
      await this.intent.call(ProviderCallbackServiceService.receiveCallback, received, { anonymous: true, headers })
    } finally {
      this.handedOver += 1
    }
  }
}
