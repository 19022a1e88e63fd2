import type {
  handleServerStreamingCall,
  handleUnaryCall,
  Server,
  ServiceDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { HealthImplementation } from 'grpc-health-check'
import { connectionPeer } from './connection-peer.js'
import { peerNotAllowed } from './errors.js'
import type { OpenCalls } from './open-calls.js'
import { statusObject } from './status-object.js'

/** What health checks are told. Nothing is SERVING until it is set. */
export interface Health {
  set(serviceName: string, serving: boolean): void
  /** Tells every health check that nothing is served any more. */
  setAllNotServing(): void
}

/**
 * Serves grpc.health.v1.Health for the named services and for '' (the whole process), to every peer of the mesh
 * and to nobody else.
 */
export function addHealth(server: Server, serviceNames: readonly string[], calls: OpenCalls): Health {
  const names = ['', ...serviceNames]
  const health = new HealthImplementation(Object.fromEntries(names.map((name) => [name, 'NOT_SERVING' as const])))
  health.addToServer({
    addService: (definition: ServiceDefinition, implementation: UntypedServiceImplementation) => {
      server.addService(definition, guarded(implementation, calls))
    },
  })
  return {
    set: (serviceName, serving) => {
      health.setStatus(serviceName, serving ? 'SERVING' : 'NOT_SERVING')
    },
    setAllNotServing: () => {
      for (const name of names) health.setStatus(name, 'NOT_SERVING')
    },
  }
}

type UnaryHandler = handleUnaryCall<unknown, unknown>
type StreamHandler = handleServerStreamingCall<unknown, unknown>

/** The library's handlers behind a check of the peer, and with watches that a drain can end. */
function guarded(implementation: UntypedServiceImplementation, calls: OpenCalls): UntypedServiceImplementation {
  const unary = (handler: UnaryHandler): UnaryHandler => {
    return (call, respond) => {
      if (connectionPeer(call) === undefined) respond(statusObject(peerNotAllowed('unknown')))
      else handler(call, respond)
    }
  }
  const stream = (handler: StreamHandler): StreamHandler => {
    return (call) => {
      if (connectionPeer(call) === undefined) {
        call.emit('error', statusObject(peerNotAllowed('unknown')))
        return
      }
      const close = calls.addStream(() => {
        call.end()
      })
      call.once('cancelled', close)
      handler(call)
    }
  }
  return {
    check: unary(implementation['check'] as UnaryHandler),
    list: unary(implementation['list'] as UnaryHandler),
    watch: stream(implementation['watch'] as StreamHandler),
  }
}
