// A way to Valkey that a test can cut, or make swallow everything.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export class ValkeyProxy {
  readonly #sockets = new Set<Socket>()
  readonly #server = createServer((socket) => {
    this.#serve(socket)
  })
  readonly #target: URL
  #isCut = false
  #isStill = false

  private constructor(target: URL) {
    this.#target = target
  }

  static async start(url: string): Promise<ValkeyProxy> {
    const proxy = new ValkeyProxy(new URL(url))
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  /** Where Valkey is reached through the proxy. */
  get url(): string {
    const url = new URL(this.#target)
    url.host = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    return url.href
  }

  /** Ends all connections and refuses new ones. */
  cut(): void {
    this.#isCut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Connections stay, nothing passes. */
  freeze(): void {
    this.#isStill = true
    for (const socket of this.#sockets) socket.pause()
  }

  /** Lets everything pass again. */
  mend(): void {
    this.#isCut = this.#isStill = false
    for (const socket of this.#sockets) socket.resume()
  }

  async stop(): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #serve(client: Socket): void {
    const server = connect(Number(this.#target.port), this.#target.hostname)
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from)
      from.on('data', (data) => to.write(data))
      from.on('error', () => undefined)
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
      if (this.#isStill) from.pause()
      if (this.#isCut) from.destroy()
    }
  }
}
