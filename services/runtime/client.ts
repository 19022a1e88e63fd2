import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'
import type { Call } from './call.js'
import type { TlsFiles } from './mesh-credentials.js'
import type { Metrics } from './metrics.js'
import type { PeerName } from './peer-identity.js'

/** How one call is made. */
export interface CallOptions {
  /** The call on whose behalf this one is made: its deadline, cancellation and trace carry over. */
  parent?: Call
  signal?: AbortSignal
  /** Replaces the method's timeout of the service config. */
  timeoutMs?: number
}

/** A bidirectional stream under way. Errors arrive through `responses`, as RpcError. */
export interface BidiCall<Q, R> {
  /** Sends a request; false when the caller should wait for `onDrain` before it sends more. */
  write(request: Q): boolean
  /** Says that no more requests follow. */
  end(): void
  /** Gives up on the stream. */
  cancel(): void
  onDrain(listener: () => void): void
  readonly responses: AsyncIterable<R>
}

/** The client's shape for one method of a generated service definition. */
export type ClientMethodOf<M> =
  M extends MethodDefinition<infer Q, infer R>
    ? M extends { responseStream: false; requestStream: false }
      ? (request: Q, options?: CallOptions) => Promise<R>
      : M extends { responseStream: true; requestStream: false }
        ? (request: Q, options?: CallOptions) => AsyncIterable<R>
        : M extends { responseStream: true; requestStream: true }
          ? (options?: CallOptions) => BidiCall<Q, R>
          : never
    : never

/** One function a method of a generated service definition. Every failure is an RpcError. */
export type Client<S> = { readonly [M in keyof S]: ClientMethodOf<S[M]> } & { close(): void }

/** How to reach a service. */
export interface ClientOptions {
  /** host:port, by name: 'localhost:7001'. */
  address: string
  /** Who must answer there. */
  peer: PeerName
  tls: TlsFiles
  /** Path of the service config from the package root: 'proto/paymesh/ledger/v1/ledger_service_config.json'. */
  serviceConfig: string
  metrics?: Metrics
}

/** Makes a client. Connects on the first call. */
export function createClient<S extends ServiceDefinition>(_definition: S, _options: ClientOptions): Client<S> {
  throw new Error('being written')
}
