import type { MethodDefinition } from '@grpc/grpc-js'
import type { AuthLevel } from '../../gen/paymesh/access/v1/access.js'
import type { Logger } from './logger.js'
import type { PeerName } from './peer-identity.js'
import type { TraceContext } from './tracing.js'

export type { PeerName } from './peer-identity.js'

/** The end user or client whose token or signature the edge verified. */
export interface Subject {
  /** `users/{uuid}` or `clients/{id}`. */
  name: string
  /** `sessions/{uuid}`; empty when the token belongs to no session. */
  session: string
  roles: readonly string[]
  permissions: ReadonlySet<string>
  tags: readonly string[]
  level: AuthLevel
  /** `clients/{id}` of the client that acts for the user; undefined for who acts alone. */
  actor: string | undefined
}

/** On whose behalf a call is made. Only the edge speaks for others; every other peer speaks for itself. */
export type Caller =
  | { kind: 'subject'; peer: 'edge'; subject: Subject }
  | { kind: 'anonymous'; peer: 'edge' }
  | { kind: 'peer'; peer: PeerName }

/** The caller in one word, for logs, audit and ownership: 'users/…', 'anonymous' or 'peers/intent'. */
export function callerName(caller: Caller): string {
  switch (caller.kind) {
    case 'subject':
      return caller.subject.name
    case 'anonymous':
      return 'anonymous'
    case 'peer':
      return `peers/${caller.peer}`
  }
}

/** What a handler knows about its call beside the request. */
export interface Call {
  readonly caller: Caller
  /**
   * When the answer is no longer wanted, in milliseconds since the epoch: the client's deadline or the server's
   * maximum, whichever comes first. Infinity for a stream whose client set none.
   */
  readonly deadline: number
  /** Aborts when the deadline passes or the client cancels. */
  readonly signal: AbortSignal
  /** A logger whose records carry the method, the caller and the trace. */
  readonly log: Logger
  /** The trace that child calls continue. */
  readonly trace: TraceContext
  /** The id that the edge gave the request; empty when it did not come through the edge. */
  readonly requestId: string
  /** A header of the request; empty when it has none. For what the contract says comes in a header. */
  header(name: string): string
  /** Adds a response header. Headers leave with the first message, so add them before it. */
  sendHeader(name: string, value: string): void
}

/** Answers one request with one message. */
export type Unary<Q, R> = (call: Call, request: Q) => Promise<R>
/** Answers one request with a stream. The iterator's `return` is called when the client goes away. */
export type ServerStream<Q, R> = (call: Call, request: Q) => AsyncIterable<R>
/** Answers a stream with a stream. Requests are read no faster than they are taken. */
export type BidiStream<Q, R> = (call: Call, requests: AsyncIterable<Q>) => AsyncIterable<R>

/** The handler's shape for one method of a generated service definition. */
export type HandlerOf<M> =
  M extends MethodDefinition<infer Q, infer R>
    ? M extends { responseStream: false; requestStream: false }
      ? Unary<Q, R>
      : M extends { responseStream: true; requestStream: false }
        ? ServerStream<Q, R>
        : M extends { responseStream: true; requestStream: true }
          ? BidiStream<Q, R>
          : never
    : never

/** One handler a method of a generated service definition: `HandlersOf<typeof AccountServiceService>`. */
export type HandlersOf<S> = { readonly [M in keyof S]: HandlerOf<S[M]> }
