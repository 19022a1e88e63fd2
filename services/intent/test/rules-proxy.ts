// A Rules node that passes everything on to a real one, and does to the answers what a test wants.
import { testCertificates } from '../../../dev/testing.js'
import {
  type DecideBatchRequest,
  type DecideBatchResponse,
  DecisionServiceService,
} from '../../../gen/paymesh/rules/v1/decision_service.js'
import { createClient } from '../../runtime/client.js'
import { createLogger } from '../../runtime/logger.js'
import { createMetrics } from '../../runtime/metrics.js'
import { bind, createServer } from '../../runtime/server.js'

type Answer = (request: DecideBatchRequest) => Promise<DecideBatchResponse>

export interface RulesProxy {
  readonly address: string
  /** What was asked, call by call. */
  readonly asked: DecideBatchRequest[]
  /** Answers instead of the real node, which it is given. */
  answer: (request: DecideBatchRequest, real: Answer) => Promise<DecideBatchResponse>
  stop(): Promise<void>
}

export async function startRulesProxy(realAddress: string): Promise<RulesProxy> {
  const tls = await testCertificates()
  const client = createClient(DecisionServiceService, {
    address: realAddress,
    peer: 'rules',
    tls: tls.of('intent'),
    serviceConfig: 'proto/paymesh/rules/v1/rules_service_config.json',
  })
  const real: Answer = (request) => client.decideBatch(request)
  const asked: DecideBatchRequest[] = []
  const server = createServer({
    name: 'rules',
    listenAddress: 'localhost:0',
    tls: tls.of('rules'),
    bindings: [
      bind(DecisionServiceService, {
        decide: (_, request) => client.decide(request),
        decideBatch: (_, request) => {
          asked.push(request)
          return proxy.answer(request, real)
        },
      }),
    ],
    reflection: false,
    drainDelayMs: 0,
    log: createLogger({ name: 'rules', level: 'silent' }),
    metrics: createMetrics('rules'),
  })
  await server.listen()
  const proxy: RulesProxy = {
    address: `localhost:${server.port}`,
    asked,
    answer: (request, ask) => ask(request),
    stop: async () => {
      client.close()
      await server.drain()
    },
  }
  return proxy
}
