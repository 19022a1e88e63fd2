import { Metadata, type ServerUnaryCall, status } from '@grpc/grpc-js'
import { checkCaller, checkPeer } from './access.js'
import { type Call, type Caller, callerName } from './call.js'
import { callerFrom } from './caller.js'
import { systemClock } from './clock.js'
import { connectionPeer } from './connection-peer.js'
import { cancelled, deadlineExceeded } from './errors.js'
import type { Logger } from './logger.js'
import type { PeerName } from './peer-identity.js'
import { logCall } from './request-log.js'
import type { RpcError } from './rpc-error.js'
import type { ServerMethod } from './server-method.js'
import { type CallSpan, startSpan, type TraceContext, traceFrom, tracingEnabled } from './tracing.js'

/** What every kind of grpc-js server call has. */
export type GrpcServerCall = Pick<
  ServerUnaryCall<unknown, unknown>,
  'metadata' | 'getDeadline' | 'getAuthContext' | 'sendMetadata'
> & { once(event: 'cancelled', listener: () => void): unknown }

// grpc-js answers a passed deadline by itself, without details. Ours comes before, by a quarter of the time and this much
// at most. A timer counts from the beginning of the turn in which it is set, and grpc-js sets its own in an earlier turn
// than we do ours, so a lead of a millisecond is lost whenever that turn is a long one.
const deadlineLeadMsMax = 25
// The longest that Node can time. A deadline beyond is no deadline.
const timerMsMax = 2 ** 31 - 1

/**
 * One call being served, from its first byte to its one end: an answer, a failure, the deadline or the client's
 * leaving. Whatever comes first ends it; the rest is ignored. What most handlers never ask for (signal, logger, trace)
 * is made when it is asked for.
 */
export class ServerCall implements Call {
  readonly deadline: number
  readonly method: ServerMethod
  readonly #grpc: GrpcServerCall
  readonly #startMs = performance.now()
  readonly #timer: NodeJS.Timeout | undefined
  readonly #span: CallSpan | undefined
  #ended = false
  #interruption: RpcError | undefined
  #onInterrupt: ((failure: RpcError) => void) | undefined
  #peer: PeerName | undefined
  #caller: Caller | undefined
  #abort: AbortController | undefined
  #log: Logger | undefined
  #trace: TraceContext | undefined
  #headers: Metadata | undefined

  constructor(method: ServerMethod, grpc: GrpcServerCall) {
    this.method = method
    this.#grpc = grpc
    method.metrics.started()
    method.calls.add(this)
    const nowMs = systemClock.nowMs()
    this.deadline = Math.min(Number(grpc.getDeadline()), nowMs + (method.durationMsMax ?? Infinity))
    const remainingMs = this.deadline - nowMs
    if (remainingMs <= timerMsMax) {
      const interrupt = () => {
        this.interrupt(deadlineExceeded())
      }
      const leadMs = Math.min(deadlineLeadMsMax, Math.max(1, remainingMs / 4))
      this.#timer = setTimeout(interrupt, Math.max(0, remainingMs - leadMs))
    }
    if (tracingEnabled()) {
      this.#span = startSpan(method.name, 'server', traceFrom(grpc.metadata))
      this.#trace = this.#span.trace
    }
    // Emitted once the stream is closed, whatever closed it, so also after every answer; then it says nothing new, and
    // making an error for nothing would be the dearest part of a call.
    grpc.once('cancelled', () => {
      if (!this.#ended) this.interrupt(cancelled())
    })
  }

  /** Establishes who calls and whether they may. Throws what `access.ts` says. */
  admit(): void {
    this.#peer = connectionPeer(this.#grpc)
    checkPeer(this.method.access, this.#peer)
    this.#caller = callerFrom(this.#peer, this.#grpc.metadata)
    checkCaller(this.method.access, this.#caller)
  }

  get caller(): Caller {
    if (this.#caller === undefined) throw new Error('The call has not been admitted.')
    return this.#caller
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#interruption !== undefined) this.#abort.abort(this.#interruption)
    }
    return this.#abort.signal
  }

  get log(): Logger {
    this.#log ??= this.method.log.child({
      method: this.method.name,
      caller: this.callerText,
      ...(this.actor !== undefined && { actor: this.actor }),
      ...(this.requestId !== '' && { requestId: this.requestId }),
      traceId: this.trace.traceId,
    })
    return this.#log
  }

  get trace(): TraceContext {
    this.#trace ??= traceFrom(this.#grpc.metadata)
    return this.#trace
  }

  get requestId(): string {
    return this.header('x-request-id')
  }

  /** The caller for records, known or not. */
  get callerText(): string {
    if (this.#caller !== undefined) return callerName(this.#caller)
    return this.#peer === undefined ? 'unknown' : `peers/${this.#peer}`
  }

  /** The client that acts for the caller, for records; undefined for who acts alone. */
  get actor(): string | undefined {
    return this.#caller?.kind === 'subject' ? this.#caller.subject.actor : undefined
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Why the call ended before its handler did; undefined when it did not. */
  get interruption(): RpcError | undefined {
    return this.#interruption
  }

  header(name: string): string {
    const [value] = this.#grpc.metadata.get(name)
    return typeof value === 'string' ? value : ''
  }

  sendHeader(name: string, value: string): void {
    this.#headers ??= new Metadata()
    this.#headers.set(name, value)
  }

  /** Sends the headers that were added; call it before the first message. */
  flushHeaders(): void {
    if (this.#headers === undefined) return
    this.#grpc.sendMetadata(this.#headers)
    this.#headers = undefined
  }

  /** What to do when the call is interrupted: answer if anyone still listens, stop what the handler does. */
  onInterrupt(listener: (failure: RpcError) => void): void {
    this.#onInterrupt = listener
  }

  /** Ends the call from outside of its handler. Does nothing when it has ended. */
  interrupt(failure: RpcError): void {
    if (!this.end(failure)) return
    this.#interruption = failure
    this.#abort?.abort(failure)
    this.#onInterrupt?.(failure)
  }

  /** Ends the call, with a failure or well. False when it had ended before: then nothing may be sent. */
  end(failure?: RpcError): boolean {
    if (this.#ended) return false
    this.#ended = true
    clearTimeout(this.#timer)
    this.method.calls.delete(this)
    const code = failure?.code ?? status.OK
    const durationMs = performance.now() - this.#startMs
    this.method.metrics.finished(code, durationMs)
    this.#span?.end(code)
    logCall(this, failure, durationMs)
    return true
  }
}
