// A scoring provider that behaves as a test tells it.
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { Secret } from '../../runtime/secret.js'
import { type ScoringProvider } from '../decisions/scoring-client.js'

export interface ScoringServer {
  readonly provider: ScoringProvider
  readonly asked: { readonly headers: IncomingHttpHeaders; readonly body: string }[]
  answer: (response: ServerResponse) => void
  stop(): Promise<void>
}

export const answers = {
  score: (score: unknown) => (response: ServerResponse) => {
    response.end(JSON.stringify({ score }))
  },
  never: () => undefined,
  text: (text: string) => (response: ServerResponse) => {
    response.end(text)
  },
  status: (status: number) => (response: ServerResponse) => {
    response.writeHead(status, { location: '/elsewhere' }).end('{"score":1}')
  },
  endless: (response: ServerResponse) => {
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, ' ')));
      if (!response.destroyed) response.once('drain', more)
    }
    more()
  },
  dripping: (response: ServerResponse) => {
    const timer = setInterval(() => response.write(' '), 20)
    response.on('close', () => {
      clearInterval(timer)
    })
  },
  reset: (response: ServerResponse) => {
    response.socket?.resetAndDestroy()
  },
} as const

export async function startScoringServer(): Promise<ScoringServer> {
  const asked: ScoringServer['asked'] = []
  const http = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      asked.push({ headers: request.headers, body })
      server.answer(response)
    })
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/scores`
  const server: ScoringServer = {
    provider: { name: 'acme', url, key: new Secret('a-key') },
    asked,
    answer: answers.score(0),
    stop: async () => {
      http.close()
      http.closeAllConnections()
      await once(http, 'close')
    },
  }
  return server
}
