import { type CallOptions as GrpcCallOptions, Metadata, type status } from '@grpc/grpc-js'
import type { CallOptions } from './client.js'
import { systemClock } from './clock.js'
import type { MethodMetrics } from './metrics.js'
import { type CallSpan, injectTrace, newTrace, startSpan, tracingEnabled } from './tracing.js'

/** A method that a client calls: what every call of it shares. */
export interface ClientMethod {
  /** 'AccountService/GetAccount', for people. */
  readonly name: string
  /** The timeout when a call names none; undefined for streams, which may go on. */
  readonly timeoutMs: number | undefined
  readonly metrics: MethodMetrics | undefined
}

/** One call being made: what it sends along, and what to do at its end. */
export class OutgoingCall {
  readonly metadata = new Metadata()
  readonly grpcOptions: GrpcCallOptions
  readonly #method: ClientMethod
  readonly #startMs = performance.now()
  readonly #signals: AbortSignal[] = []
  readonly #span: CallSpan | undefined
  #cancel = () => {}

  constructor(method: ClientMethod, { parent, signal, timeoutMs }: CallOptions) {
    this.#method = method
    method.metrics?.started()
    const limitMs = timeoutMs ?? method.timeoutMs ?? Infinity
    const deadline = Math.min(parent?.deadline ?? Infinity, systemClock.nowMs() + limitMs)
    this.grpcOptions = deadline === Infinity ? {} : { deadline }
    if (signal !== undefined) this.#signals.push(signal)
    if (parent !== undefined) {
      this.#signals.push(parent.signal)
      if (parent.requestId !== '') this.metadata.set('x-request-id', parent.requestId)
    }
    const trace = parent?.trace
    if (tracingEnabled()) this.#span = startSpan(method.name, 'client', trace ?? newTrace())
    const carried = this.#span?.trace ?? trace
    if (carried !== undefined) injectTrace(carried, this.metadata)
  }

  /** Has the call cancelled when the parent or the caller's signal aborts, also when it already has. */
  cancelWith(cancel: () => void): void {
    this.#cancel = cancel
    for (const signal of this.#signals) {
      if (signal.aborted) cancel()
      else signal.addEventListener('abort', cancel, { once: true })
    }
  }

  /** Notes the call's end. */
  end(code: status): void {
    for (const signal of this.#signals) signal.removeEventListener('abort', this.#cancel)
    this.#method.metrics?.finished(code, performance.now() - this.#startMs)
    this.#span?.end(code)
  }
}
