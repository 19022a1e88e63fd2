import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { splitAddress } from './address.js'
import type { Metrics } from './metrics.js'

/** The HTTP port for those who run the process: /metrics, /livez, /readyz. Plain HTTP; bind it to a private address. */
export interface AdminServer {
  readonly port: number
  close(): Promise<void>
}

/** What an admin server shows. */
export interface AdminServerOptions {
  /** host:port; port 0 takes a free one. */
  address: string
  metrics: Metrics
  /** Whether the process can do its work now; asked for every /readyz. */
  isReady: () => boolean | Promise<boolean>
}

interface Answer {
  status: number
  type: string
  body: string
}

async function answer(request: IncomingMessage, { metrics, isReady }: AdminServerOptions): Promise<Answer> {
  const plain = (status: number, body: string): Answer => ({ status, type: 'text/plain; charset=utf-8', body })
  if (request.method !== 'GET') return plain(405, 'Only GET.\n')
  switch (request.url) {
    case '/livez':
      return plain(200, 'live\n')
    case '/readyz':
      return (await isReady()) ? plain(200, 'ready\n') : plain(503, 'not ready\n')
    case '/metrics':
      return { status: 200, type: metrics.registry.contentType, body: await metrics.registry.metrics() }
    default:
      return plain(404, 'Ask for /metrics, /livez or /readyz.\n')
  }
}

function send(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, { 'content-type': type }).end(body)
}

/** Starts an admin server; resolves when it listens. */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const server = createServer((request, response) => {
    answer(request, options).then(
      (result) => {
        send(response, result)
      },
      () => {
        send(response, { status: 500, type: 'text/plain', body: 'Could not be answered.\n' })
      },
    )
  })
  const { host, port } = splitAddress(options.address)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}
