import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

type Direction = 'toServer' | 'toClient'

/** A network between a client and a server, which can fail. */
export class TcpProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #swallowed = new Set<Direction>()
  #lostBytes = 0

  private constructor(serverPort: number) {
    this.#server = createServer((client) => {
      const server = connect({ port: serverPort, host: '127.0.0.1' })
      this.#pass(client, server, 'toServer')
      this.#pass(server, client, 'toClient')
    })
  }

  /** Passes on what comes to a port of its own. */
  static async start(serverPort: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(serverPort)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** How much was lost on the way. */
  get lostBytes(): number {
    return this.#lostBytes
  }

  /** Breaks every connection, so that both sides notice. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** Loses from now on what goes in these directions, also of new connections, and tells nobody. */
  swallow(...directions: Direction[]): void {
    for (const direction of directions) this.#swallowed.add(direction)
  }

  /** Lets new connections through. Those that lost something stay silent for ever, as behind a router that was replaced. */
  heal(): void {
    this.#swallowed.clear()
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #pass(from: Socket, to: Socket, direction: Direction): void {
    let isLost = false
    this.#sockets.add(from)
    from.on('data', (bytes) => {
      isLost ||= this.#swallowed.has(direction)
      if (isLost) this.#lostBytes += bytes.length
      else to.write(bytes)
    })
    from.on('error', () => undefined)
    from.on('close', () => {
      this.#sockets.delete(from)
      if (!isLost) to.destroy()
    })
  }
}
