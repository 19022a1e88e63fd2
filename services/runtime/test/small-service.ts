// A whole service process in a page, for process.test.ts: one RPC that takes a moment. argv: port of the admin server,
// then how it should misbehave.
import { setTimeout as delay } from 'node:timers/promises'
import { GetIntentResponse, IntentServiceService } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { startAdminServer } from '../admin-server.js'
import { runService } from '../process.js'
import { createServer } from '../server.js'
import { bindSome } from './running-server.js'

const [certFile = '', keyFile = '', caFile = '', behaviour = ''] = process.argv.slice(2)

runService('intent', async ({ log, metrics }) => {
  if (behaviour === 'fails to start') throw new Error('no start')
  const getIntent = async () => {
    await delay(5)
    return GetIntentResponse.fromPartial({})
  }
  const server = createServer({
    name: 'intent',
    listenAddress: 'localhost:0',
    tls: { certFile, keyFile, caFile },
    bindings: [bindSome(IntentServiceService, { getIntent })],
    reflection: false,
    drainDelayMs: 20,
    log,
    metrics,
  })
  await server.listen()
  const admin = await startAdminServer({ address: 'localhost:0', metrics, isReady: () => true })
  log.info({ port: server.port }, 'listening')
  if (behaviour === 'rejects unhandled') void delay(20).then(() => Promise.reject(new Error('nobody handles this')))
  return {
    stop: async () => {
      if (behaviour === 'fails to stop') throw new Error('no stop')
      await server.drain()
      await admin.close()
    },
  }
})
