import type { ServiceDefinition } from '@grpc/grpc-js'
import type { HandlersOf } from './call.js'
import type { Logger } from './logger.js'
import type { TlsFiles } from './mesh-credentials.js'
import type { Metrics } from './metrics.js'
import type { PeerName } from './peer-identity.js'

/** A service definition with its handlers. */
export interface Binding {
  readonly definition: ServiceDefinition
  readonly handlers: Readonly<Record<string, unknown>>
}

/** Binds handlers to a generated service definition, such as `AccountServiceService`. */
export function bind<S extends ServiceDefinition>(definition: S, handlers: HandlersOf<S>): Binding {
  return { definition, handlers }
}

/** A gRPC server of the mesh. */
export interface RpcServer {
  /** Resolves when calls are accepted. Services are NOT_SERVING to health checks until `setServing`. */
  listen(): Promise<void>
  /** Sets what health checks are told about a service ('paymesh.ledger.v1.AccountService'), or about all with ''. */
  setServing(serviceName: string, serving: boolean): void
  /** Answers NOT_SERVING, waits `drainDelayMs`, accepts no more, and resolves when every accepted call was answered. */
  drain(): Promise<void>
  readonly port: number
}

/** How to make a server. */
export interface ServerOptions {
  name: PeerName
  /** host:port; port 0 takes a free one. */
  listenAddress: string
  tls: TlsFiles
  bindings: Binding[]
  /** Whether gRPC reflection is served. It tells every mesh peer all contracts: for development. */
  reflection: boolean
  drainDelayMs: number
  log: Logger
  metrics: Metrics
}

/** Makes a server. Throws when a bound method has no access option. */
export function createServer(_options: ServerOptions): RpcServer {
  throw new Error('being written')
}
