import { status } from '@grpc/grpc-js'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** Counts the calls of one method. */
export interface MethodMetrics {
  started(): void
  finished(code: status, durationMs: number): void
}

/** The metrics of a process. A service adds its own to `registry`. */
export interface Metrics {
  readonly registry: Registry
  /** Calls that this process answers; `method` is 'AccountService/GetAccount'. */
  serverMethod(method: string): MethodMetrics
  /** Calls that this process makes. */
  clientMethod(method: string): MethodMetrics
}

// Spread from half a millisecond, an in-memory answer inside the mesh, to the longest deadline of a unary call.
const durationBucketsSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

function callMetrics(registry: Registry, side: 'server' | 'client'): (method: string) => MethodMetrics {
  const registers = [registry]
  const calls = new Counter({
    name: `paymesh_${side}_calls_total`,
    help: `Calls that ended, ${side} side.`,
    labelNames: ['method', 'code'] as const,
    registers,
  })
  const inFlight = new Gauge({
    name: `paymesh_${side}_calls_in_flight`,
    help: `Calls under way, ${side} side.`,
    labelNames: ['method'] as const,
    registers,
  })
  const duration = new Histogram({
    name: `paymesh_${side}_call_duration_seconds`,
    help: `How long calls took, ${side} side.`,
    labelNames: ['method'] as const,
    buckets: durationBucketsSeconds,
    registers,
  })
  return (method) => ({
    started: () => {
      inFlight.inc({ method })
    },
    finished: (code, durationMs) => {
      inFlight.dec({ method })
      calls.inc({ method, code: status[code] })
      duration.observe({ method }, durationMs / 1000)
    },
  })
}

/** The metrics of a process named `service`, with Node's own (event loop lag, memory, garbage collection). */
export function createMetrics(service: string): Metrics {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  return {
    registry,
    serverMethod: callMetrics(registry, 'server'),
    clientMethod: callMetrics(registry, 'client'),
  }
}
