// A client of a service of the mesh that says by itself who calls.
import { Client, Metadata, type MethodDefinition } from '@grpc/grpc-js'
import { testCertificates } from '../../../dev/testing.js'
import { type PeerName } from '../../runtime/call.js'
import { clientCredentials } from '../../runtime/mesh-credentials.js'
import { rpcErrorFrom } from '../../runtime/rpc-error.js'

/** Who calls: a user by name, with the permissions of every user, or a peer for itself. */
export type As =
  | { user: string; permissions?: readonly string[]; roles?: readonly string[]; tags?: readonly string[]; acr?: string }
  | { peer: PeerName }
  | { anonymous: true; headers?: Readonly<Record<string, string>> }

export interface Answer<R> {
  readonly message: R
  readonly headers: Metadata
}

const userPermissions = ['wallet:read', 'wallet:write', 'intents:read', 'intents:write']
export const operator: As = { peer: 'operator' }

/** The headers with which the edge forwards a call. */
export function metadataOf(as: As): Metadata {
  const metadata = new Metadata()
  if ('anonymous' in as) for (const [name, value] of Object.entries(as.headers ?? {})) metadata.set(name, value)
  if (!('user' in as)) return metadata
  const claims = {
    sub: `users/${as.user}`,
    sid: 'sessions/0198c0de-0000-7000-8000-000000005e55',
    acr: as.acr ?? 'pwd',
    permissions: as.permissions ?? userPermissions,
    roles: as.roles ?? [],
    tags: as.tags ?? [],
  }
  metadata.set('x-paymesh-claims', Buffer.from(JSON.stringify(claims)).toString('base64url'))
  return metadata
}

/** A client that sends what headers it likes, as the edge does. */
export class RawClient {
  readonly #client: Client

  private constructor(client: Client) {
    this.#client = client
  }

  static async connect(address: string, as: PeerName, to: PeerName): Promise<RawClient> {
    return new RawClient(new Client(address, clientCredentials((await testCertificates()).of(as), to)))
  }

  async call<Q, R>(method: MethodDefinition<Q, R>, request: Q, metadata = new Metadata()): Promise<Answer<R>> {
    const { path, requestSerialize, responseDeserialize } = method
    const deadline = Date.now() + 15_000
    return await new Promise((resolve, reject) => {
      let headers = new Metadata()
      const done = (error: Error | null, message: R | undefined) => {
        if (error !== null) reject(rpcErrorFrom(error))
        else resolve({ message: message!, headers })
      }
      this.#client
        .makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, { deadline }, done)
        .on('metadata', (received) => (headers = received))
    })
  }

  async *stream<Q, R>(method: MethodDefinition<Q, R>, request: Q, metadata: Metadata): AsyncGenerator<R> {
    const { path, requestSerialize, responseDeserialize } = method
    const stream = this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata)
    try {
      for await (const message of stream) yield message as R
    } catch (error) {
      throw rpcErrorFrom(error)
    } finally {
      stream.cancel()
    }
  }

  close(): void {
    this.#client.close()
  }
}
