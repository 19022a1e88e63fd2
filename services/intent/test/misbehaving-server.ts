// A consumer of webhooks that does what consumers do.
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, type Socket } from 'node:net'

export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

type Behave = (response: ServerResponse, request: IncomingMessage) => void

/** An HTTP server whose paths misbehave each in its way; every request that arrived whole is kept. */
export class MisbehavingServer {
  readonly received: Received[] = []
  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch(() => response.destroy())
  })
  readonly #sockets = new Set<Socket>()
  /** How the path `/now` behaves. */
  now: Behave = (response) => response.end()
  /** How many requests are open at most at once, by path. */
  readonly openMax = new Map<string, number>()
  readonly #open = new Map<string, number>()

  readonly #ways: Record<string, Behave> = {
    '/ok': (response) => response.writeHead(204).end(),
    '/slow': () => undefined,
    '/500': (response) => response.writeHead(500).end('{"secret":"of the inside"}'),
    '/reset': (response) => response.socket?.resetAndDestroy(),
    '/redirect': (response) => response.writeHead(307, { location: '/ok' }).end(),
    '/huge': (response) => {
      response.writeHead(200)
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    },
    '/cut': (response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('half')
      setImmediate(() => response.destroy())
    },
    '/nothing': (response) => response.destroy(),
    '/headers': (response) => response.writeHead(200, { 'x-long': 'x'.repeat(100_000) }).end(),
    '/dripping': (response) => {
      response.writeHead(200)
      const timer = setInterval(() => response.write('.'), 20)
      response.on('close', () => {
        clearInterval(timer)
      })
    },
    '/now': (response, request) => {
      this.now(response, request)
    },
  }

  async start(): Promise<void> {
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get connections(): number {
    return this.#sockets.size
  }

  url(path: string, host = '127.0.0.1'): string {
    return `http://${host}:${this.port}${path}`
  }

  async stop(): Promise<void> {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await once(this.#server, 'close')
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? ''
    const open = (this.#open.get(path) ?? 0) + 1
    this.#open.set(path, open)
    this.openMax.set(path, Math.max(open, this.openMax.get(path) ?? 0))
    response.on('close', () => this.#open.set(path, (this.#open.get(path) ?? 1) - 1))
    let body = ''
    for await (const chunk of request) body += String(chunk)
    this.received.push({ path, headers: request.headers, body })
    const way = this.#ways[path]
    if (way === undefined) response.writeHead(404).end()
    else way(response, request)
  }
}
