import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What it does with a request. */
export type Script = (response: ServerResponse) => void

export const says =
  (status: number, body: string): Script =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  }
export const finds = (finding: string, reference = 'ref-1'): Script => says(200, JSON.stringify({ finding, reference }))
export const hangs: Script = () => undefined
export const hangsUp: Script = (response) => response.destroy()
export const endless: Script = (response) => {
  response.writeHead(200)
  const write = () => {
    if (!response.destroyed && response.write('x'.repeat(1024))) setImmediate(write)
  }
  response.on('drain', write)
  write()
}

/** A provider of KYC checks that does what its script says, in order, and the last of it for ever. */
export async function scriptedKycProvider(...script: Script[]) {
  const asked: { headers: IncomingHttpHeaders; body: string }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      asked.push({ headers: request.headers, body: Buffer.concat(chunks).toString() })
      script[Math.min(asked.length, script.length) - 1]?.(response)
    })
  })
  server.listen(0, 'localhost')
  await once(server, 'listening')
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/checks`,
    asked,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
