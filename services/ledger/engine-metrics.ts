import { Counter, Gauge, Histogram } from 'prom-client'
import { type Metrics } from '../runtime/metrics.js'
import { type EngineObserver } from './postgres-engine/postgres-engine.js'

/** What of an engine is read when somebody asks for the metrics. */
export interface EngineGauges {
  readonly queuedEvents: number
  readonly cachedAccounts: number
}

/** Shows an engine's work on /metrics. */
export function engineMetrics({ registry }: Metrics, shown: () => EngineGauges): EngineObserver {
  const registers = [registry]
  const writer = new Gauge({ name: 'paymesh_ledger_is_writer', help: 'Whether this process is the writer.', registers })
  const events = new Counter({ name: 'paymesh_ledger_events_total', help: 'Events that were decided.', registers })
  const size = new Histogram({
    name: 'paymesh_ledger_batch_events',
    help: 'How many events a batch had.',
    buckets: [1, 4, 16, 64, 128, 256, 512],
    registers,
  })
  const duration = new Histogram({
    name: 'paymesh_ledger_batch_duration_seconds',
    help: 'From taking a batch to its commit.',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1],
    registers,
  })
  new Gauge({
    name: 'paymesh_ledger_queued_events',
    help: 'Events that wait for a batch.',
    registers,
    collect() {
      this.set(shown().queuedEvents)
    },
  })
  new Gauge({
    name: 'paymesh_ledger_cached_accounts',
    help: 'Accounts that the writer keeps in memory.',
    registers,
    collect() {
      this.set(shown().cachedAccounts)
    },
  })
  return {
    writerChanged: (isWriter) => {
      writer.set(isWriter ? 1 : 0)
    },
    batchDecided: (eventCount, durationMs) => {
      events.inc(eventCount)
      size.observe(eventCount)
      duration.observe(durationMs / 1000)
    },
  }
}
