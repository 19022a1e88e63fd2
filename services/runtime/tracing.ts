import {
  type Context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { type Metadata, status } from '@grpc/grpc-js'

/** Where a call stands in a trace: what child calls continue and what logs show. */
export interface TraceContext {
  /** 32 hex digits, the same in every process that the request passes through. */
  readonly traceId: string
  readonly context: Context
}

const propagator = new W3CTraceContextPropagator()
const headers = ['traceparent', 'tracestate'] as const

/** Continues the trace named by a call's metadata, or begins one. */
export function traceFrom(metadata: Metadata): TraceContext {
  const carrier: Record<string, string> = {}
  for (const header of headers) {
    const [value] = metadata.get(header)
    if (typeof value === 'string') carrier[header] = value
  }
  const context = propagator.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter)
  const remote = trace.getSpanContext(context)
  return remote === undefined ? newTrace() : { traceId: remote.traceId, context }
}

/** Writes a trace into the metadata of a child call. */
export function injectTrace({ context }: TraceContext, metadata: Metadata): void {
  const carrier: Record<string, string> = {}
  propagator.inject(context, carrier, defaultTextMapSetter)
  for (const header of headers) {
    const value = carrier[header]
    if (value !== undefined) metadata.set(header, value)
  }
}

/** A trace that begins here and that nobody records unless a tracer samples it. */
export function newTrace(): TraceContext {
  const traceId = randomHex(4)
  const spanContext = { traceId, spanId: randomHex(2), traceFlags: TraceFlags.NONE, isRemote: true }
  return { traceId, context: trace.setSpanContext(ROOT_CONTEXT, spanContext) }
}

// Trace ids are names, not secrets: as in OpenTelemetry's own generator, speed matters and unpredictability does not.
function randomHex(words: number): string {
  let hex = ''
  for (let word = 0; word < words; word += 1) {
    hex += Math.floor(Math.random() * 0xffffffff + 1)
      .toString(16)
      .slice(-8)
      .padStart(8, '0')
  }
  return hex
}

/** A span of a call, under way. */
export interface CallSpan {
  readonly trace: TraceContext
  end(code: status): void
}

let exporting = false

/** Whether spans are recorded; when not, calls skip making them. */
export function tracingEnabled(): boolean {
  return exporting
}

/** Begins a span under `parent`. */
export function startSpan(name: string, kind: 'server' | 'client', parent: TraceContext): CallSpan {
  const span: Span = trace
    .getTracer('paymesh')
    .startSpan(name, { kind: kind === 'server' ? SpanKind.SERVER : SpanKind.CLIENT }, parent.context)
  return {
    trace: { traceId: span.spanContext().traceId, context: trace.setSpan(parent.context, span) },
    end: (code) => {
      span.setAttribute('rpc.grpc.status_code', code)
      if (code !== status.OK) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end()
    },
  }
}

/**
 * Records spans and sends them to an OTLP collector (HTTP, `<endpoint>/v1/traces`). Answers what flushes and stops it.
 * The exporter is loaded only here: a process without a collector pays nothing for it.
 */
export async function startTracing(service: string, endpoint: string): Promise<() => Promise<void>> {
  const [{ NodeTracerProvider, BatchSpanProcessor }, { OTLPTraceExporter }, { resourceFromAttributes }] =
    await Promise.all([
      import('@opentelemetry/sdk-trace-node'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ])
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` })
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  })
  trace.setGlobalTracerProvider(provider)
  exporting = true
  return async () => {
    exporting = false
    await provider.shutdown()
  }
}
