import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'
import type { BidiStream, HandlersOf, ServerStream, Unary } from './call.js'

/** A method with its handler, by shape. Messages are opaque here; `bind` checked that they fit. */
export type BoundMethod = { readonly definition: MethodDefinition<unknown, unknown> } & (
  | { readonly kind: 'unary'; readonly handler: Unary<unknown, unknown> }
  | { readonly kind: 'serverStream'; readonly handler: ServerStream<unknown, unknown> }
  | { readonly kind: 'bidiStream'; readonly handler: BidiStream<unknown, unknown> }
)

/** A service definition with its handlers. */
export interface Binding {
  /** 'paymesh.ledger.v1.AccountService' */
  readonly serviceName: string
  readonly methods: Readonly<Record<string, BoundMethod>>
}

/**
 * Binds handlers to a generated service definition, such as `AccountServiceService`. The compiler checks each handler
 * against its method; throws when one is missing all the same, and for client streaming, which no contract uses.
 */
export function bind<S extends ServiceDefinition>(definition: S, handlers: HandlersOf<S>): Binding {
  const given: Readonly<Record<string, unknown>> = handlers
  const methods = Object.entries(definition).map(([name, method]: [string, MethodDefinition<unknown, unknown>]) => {
    return [name, boundMethod(method, given[name])] as const
  })
  const [, serviceName = ''] = methods[0]?.[1].definition.path.split('/') ?? []
  return { serviceName, methods: Object.fromEntries(methods) }
}

function boundMethod(definition: MethodDefinition<unknown, unknown>, handler: unknown): BoundMethod {
  if (typeof handler !== 'function') throw new TypeError(`${definition.path} has no handler.`)
  if (!definition.requestStream && !definition.responseStream) {
    return { definition, kind: 'unary', handler: handler as Unary<unknown, unknown> }
  }
  if (!definition.requestStream) {
    return { definition, kind: 'serverStream', handler: handler as ServerStream<unknown, unknown> }
  }
  if (!definition.responseStream) throw new TypeError(`${definition.path} streams requests only.`)
  return { definition, kind: 'bidiStream', handler: handler as BidiStream<unknown, unknown> }
}
