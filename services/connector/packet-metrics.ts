import { Counter } from 'prom-client'
import type { HttpAnswer } from '../runtime/http-server.js'
import type { Metrics } from '../runtime/metrics.js'
import type { Reply } from './ilp/packet.js'

/** Counts what `/ilp` answered: "fulfill", a reject code such as "F02", or an HTTP status such as "401". */
export interface PacketMetrics {
  replied(reply: Reply): void
  answered(answer: HttpAnswer): void
}

export function createPacketMetrics({ registry }: Metrics): PacketMetrics {
  const packets = new Counter({
    name: 'paymesh_connector_packets_total',
    help: 'Requests to /ilp by what was answered.',
    labelNames: ['answer'] as const,
    registers: [registry],
  })
  return {
    replied: (reply) => {
      packets.inc({ answer: reply.type === 'fulfill' ? 'fulfill' : reply.code })
    },
    // With 200 the packet inside was counted already.
    answered: ({ status }) => {
      if (status !== 200) packets.inc({ answer: String(status) })
    },
  }
}
