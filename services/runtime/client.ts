import {
  type ClientDuplexStream,
  Client as GrpcClient,
  type ClientReadableStream,
  type MethodDefinition,
  type ServiceDefinition,
  type ServiceError,
  status,
  type StatusObject,
} from '@grpc/grpc-js'
import type { Call } from './call.js'
import { clientCredentials, type TlsFiles } from './mesh-credentials.js'
import { MessageReader } from './message-reader.js'
import type { Metrics } from './metrics.js'
import { type ClientMethod, OutgoingCall } from './outgoing-call.js'
import type { PeerName } from './peer-identity.js'
import { type RpcError, rpcErrorFrom } from './rpc-error.js'
import { readServiceConfig, type ServiceConfig } from './service-config.js'

/** How one call is made. */
export interface CallOptions {
  /** The call on whose behalf this one is made: its deadline, cancellation, request id and trace carry over. */
  parent?: Call | undefined
  signal?: AbortSignal | undefined
  /** Replaces the method's timeout of the service config. */
  timeoutMs?: number | undefined
}

/** A bidirectional stream under way. Its failure arrives through `responses`, as RpcError. */
export interface BidiCall<Q, R> {
  /** Sends a request; false when the caller should wait for `onDrain` before it sends more. */
  write(request: Q): boolean
  /** Says that no more requests follow. */
  end(): void
  /** Gives up on the stream. */
  cancel(): void
  onDrain(listener: () => void): void
  /** May be iterated once. */
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

// For a unary method that the service config forgot. Every unary call has a deadline.
const timeoutMsDefault = 10_000

/** Makes a client. It connects on the first call, and again whenever the connection breaks. */
export function createClient<S extends ServiceDefinition>(definition: S, options: ClientOptions): Client<S> {
  const config = readServiceConfig(options.serviceConfig)
  const channel = openChannel(options, config)
  const methods = Object.entries(definition).map(([key, method]: [string, MethodDefinition<unknown, unknown>]) => {
    return [key, clientMethod(channel, method, config, options.metrics)]
  })
  const close = () => {
    channel.close()
  }
  // The compiler cannot follow a mapped type through Object.entries; the keys and shapes are the definition's own.
  return { ...Object.fromEntries(methods), close } as Client<S>
}

function openChannel({ address, peer, tls }: ClientOptions, { json }: ServiceConfig): GrpcClient {
  return new GrpcClient(address, clientCredentials(tls, peer), {
    'grpc.service_config': json,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_channelz': 0,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    // The default waits up to two minutes before it looks again whether a restarted service is back.
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2_000,
  })
}

type Method = MethodDefinition<unknown, unknown>
type ResponseStream = ClientReadableStream<unknown> | ClientDuplexStream<unknown, unknown>

function clientMethod(channel: GrpcClient, definition: Method, config: ServiceConfig, metrics: Metrics | undefined) {
  const name = definition.path.split('.').at(-1) ?? definition.path
  const timeoutMs = config.timeoutsMs.get(definition.path)
  const shared = { name, metrics: metrics?.clientMethod(name) }
  if (!definition.responseStream) {
    return unaryMethod(channel, definition, { ...shared, timeoutMs: timeoutMs ?? timeoutMsDefault })
  }
  if (!definition.requestStream) return serverStreamMethod(channel, definition, { ...shared, timeoutMs })
  return bidiMethod(channel, definition, { ...shared, timeoutMs })
}

function unaryMethod(
  channel: GrpcClient,
  { path, requestSerialize, responseDeserialize }: Method,
  method: ClientMethod,
) {
  return (request: unknown, options: CallOptions = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const call = new OutgoingCall(method, options)
      const { metadata, grpcOptions } = call
      const done = (error: ServiceError | null, response: unknown) => {
        call.end(error?.code ?? status.OK)
        if (error === null) resolve(response)
        else reject(rpcErrorFrom(error))
      }
      const grpcCall = channel.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        grpcOptions,
        done,
      )
      call.cancelWith(() => {
        grpcCall.cancel()
      })
    })
}

function serverStreamMethod(channel: GrpcClient, definition: Method, method: ClientMethod) {
  const { path, requestSerialize, responseDeserialize } = definition
  // A generator: the call begins when somebody iterates, and whoever stops iterating cancels it.
  return async function* (request: unknown, options: CallOptions = {}): AsyncGenerator<unknown, void> {
    const call = new OutgoingCall(method, options)
    const { metadata, grpcOptions } = call
    const stream = channel.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      grpcOptions,
    )
    try {
      yield* responsesOf(call, stream)
    } finally {
      stream.cancel()
    }
  }
}

function bidiMethod(channel: GrpcClient, definition: Method, method: ClientMethod) {
  const { path, requestSerialize, responseDeserialize } = definition
  return (options: CallOptions = {}): BidiCall<unknown, unknown> => {
    const call = new OutgoingCall(method, options)
    const { metadata, grpcOptions } = call
    const stream = channel.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, grpcOptions)
    return {
      responses: responsesOf(call, stream),
      write: (request) => stream.write(request),
      end: () => {
        stream.end()
      },
      cancel: () => {
        stream.cancel()
      },
      onDrain: (listener) => {
        stream.on('drain', listener)
      },
    }
  }
}

function responsesOf(call: OutgoingCall, stream: ResponseStream): MessageReader<unknown> {
  let failure: RpcError | undefined
  // Listened to from the start: a stream may fail while nobody reads it, and an error event without listener is fatal.
  stream.on('error', (error: unknown) => {
    failure = rpcErrorFrom(error)
  })
  stream.on('status', ({ code }: StatusObject) => {
    call.end(code)
  })
  call.cancelWith(() => {
    stream.cancel()
  })
  return new MessageReader(stream, () => failure)
}
