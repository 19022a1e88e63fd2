import { connect } from 'node:net'

/** What a server said to the bytes of a connection until it was closed or quiet. */
export interface RawAnswer {
  readonly text: string
  /** The status of each answer, in order. */
  readonly statuses: readonly number[]
  readonly isClosed: boolean
}

/** Sends bytes as they are, and reads until the server closes or says nothing more for a while. */
export async function sendRaw(url: string, bytes: string, quietMs = 3_000): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  return await new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    let text = ''
    const finish = (isClosed: boolean) => {
      socket.destroy()
      const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
      resolve({ text, statuses, isClosed })
    }
    let quiet = setTimeout(finish, 15_000, false)
    socket.on('data', (data) => {
      text += data.toString('latin1')
      clearTimeout(quiet)
      quiet = setTimeout(finish, quietMs, false)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') finish(true)
      else reject(error)
    })
    socket.on('close', () => {
      clearTimeout(quiet)
      finish(true)
    })
    socket.write(Buffer.from(bytes, 'latin1'))
  })
}
