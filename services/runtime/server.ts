import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type MethodDefinition, Server, type UntypedHandleCall } from '@grpc/grpc-js'
import { requireAccess } from './access.js'
import { adaptBidiStream } from './bidi-adapter.js'
import type { Binding, BoundMethod } from './binding.js'
import type { CallAudit } from './call-audit.js'
import { addHealth, type Health } from './health.js'
import type { Logger } from './logger.js'
import { serverCredentials, type TlsFiles } from './mesh-credentials.js'
import type { Metrics } from './metrics.js'
import { OpenCalls } from './open-calls.js'
import type { PeerName } from './peer-identity.js'
import { reflectionBinding } from './reflection.js'
import type { ServerMethod } from './server-method.js'
import { adaptServerStream } from './server-stream-adapter.js'
import { adaptUnary } from './unary-adapter.js'

export { bind, type Binding } from './binding.js'

/** A gRPC server of the mesh. */
export interface RpcServer {
  /** Resolves when calls are accepted. Services are NOT_SERVING to health checks until `setServing`. */
  listen(): Promise<void>
  /** Sets what health checks are told about a service ('paymesh.ledger.v1.AccountService'), or about the process (''). */
  setServing(serviceName: string, serving: boolean): void
  /** Answers NOT_SERVING, waits `drainDelayMs`, accepts no more, and resolves when every accepted call was answered. */
  drain(): Promise<void>
  /** The port listened on; 0 before `listen`. */
  readonly port: number
}

/** How to make a server. */
export interface ServerOptions {
  name: PeerName
  /** host:port; port 0 takes a free one. */
  listenAddress: string
  tls: TlsFiles
  bindings: Binding[]
  /** Whether gRPC reflection is served. It tells every mesh peer all contracts: for development. */
  reflection: boolean
  drainDelayMs: number
  log: Logger
  metrics: Metrics
  /** Where calls of audited methods are kept as evidence; in the log alone when absent. Methods that stream must not be audited then. */
  audit?: CallAudit
  /** The longest a unary call may take, whatever its client asks; 30 s when absent. */
  unaryDurationMsMax?: number
  /** How long a drain waits for calls under way; 15 s when absent, which fits into the 25 s of `runService`. */
  drainTimeoutMs?: number
  /** How old a connection may grow, which bounds how long a rotated certificate is still in use; 30 min when absent. */
  connectionAgeMsMax?: number
}

const unaryDurationMsMaxDefault = 30_000
const drainTimeoutMsDefault = 15_000
// Enough to send a status down every connection whose client still reads.
const cutOffTimeoutMs = 1_000
const connectionAgeMsMaxDefault = 30 * 60_000
// A stream on a connection that is too old gets this long to end by itself before it is cut.
const connectionAgeGraceMs = 60_000
// Above what one coalescing peer needs, below what would let one connection exhaust memory.
const concurrentStreamsMax = 4096
// As clients ask servers (client.ts).
const keepaliveTimeMs = 30_000
const keepaliveTimeoutMs = 10_000

/** Makes a server. Throws when a bound method has no access option. */
export function createServer(options: ServerOptions): RpcServer {
  const server = new Server({
    'grpc.max_connection_age_ms': options.connectionAgeMsMax ?? connectionAgeMsMaxDefault,
    'grpc.max_connection_age_grace_ms': connectionAgeGraceMs,
    'grpc.max_concurrent_streams': concurrentStreamsMax,
    // A peer that vanished without a word keeps what it holds here until somebody asks whether it is there.
    'grpc.keepalive_time_ms': keepaliveTimeMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    // Bookkeeping that nobody reads, on every call.
    'grpc.enable_channelz': 0,
  })
  const calls = new OpenCalls()
  const shared = { options, calls, auditLog: options.log.child({ audit: true }, { level: 'info' }) }
  const serviceNames = options.bindings.map(({ serviceName }) => serviceName)
  for (const binding of options.bindings) addBinding(server, binding, requireAccess, shared)
  if (options.reflection) {
    const { bindings, access } = reflectionBinding(serviceNames)
    for (const binding of bindings) addBinding(server, binding, () => access, shared)
  }
  const health = addHealth(server, serviceNames, calls)
  let port = 0
  return {
    async listen() {
      port = await bindPort(server, options)
    },
    setServing: (serviceName, serving) => {
      health.set(serviceName, serving)
    },
    drain: () => drain(server, health, calls, options),
    get port() {
      return port
    },
  }
}

/** What is common to the methods of a server. */
interface Shared {
  options: ServerOptions
  calls: OpenCalls
  auditLog: Logger
}

function addBinding(
  server: Server,
  { methods }: Binding,
  accessOf: (path: string) => ServerMethod['access'],
  { options, calls, auditLog }: Shared,
): void {
  const definitions: Record<string, MethodDefinition<unknown, unknown>> = {}
  const handlers: Record<string, UntypedHandleCall> = {}
  for (const [key, bound] of Object.entries(methods)) {
    const { path } = bound.definition
    const name = path.split('.').at(-1) ?? path
    const access = accessOf(path)
    if (options.audit !== undefined && access.audited && bound.kind !== 'unary') {
      throw new Error(`${path} is audited and streams, which no audit keeps yet.`)
    }
    const method: ServerMethod = {
      path,
      name,
      access,
      log: options.log,
      auditLog,
      audit: access.audited ? options.audit : undefined,
      requestBytes: bound.definition.requestSerialize,
      metrics: options.metrics.serverMethod(name),
      calls,
      durationMsMax: bound.kind === 'unary' ? (options.unaryDurationMsMax ?? unaryDurationMsMaxDefault) : undefined,
    }
    definitions[key] = withLoggedSerializer(bound.definition, options.log)
    handlers[key] = adapt(method, bound)
  }
  server.addService(definitions, handlers)
}

function adapt(method: ServerMethod, bound: BoundMethod): UntypedHandleCall {
  switch (bound.kind) {
    case 'unary':
      return adaptUnary(method, bound.handler)
    case 'serverStream':
      return adaptServerStream(method, bound.handler)
    case 'bidiStream':
      return adaptBidiStream(method, bound.handler)
  }
}

// A handler's answer that does not fit its message is a bug that grpc-js answers as INTERNAL and tells nobody about.
function withLoggedSerializer(
  definition: MethodDefinition<unknown, unknown>,
  log: Logger,
): MethodDefinition<unknown, unknown> {
  return {
    ...definition,
    responseSerialize: (value) => {
      try {
        return definition.responseSerialize(value)
      } catch (error) {
        log.error({ method: definition.path, err: error }, 'an answer could not be serialized')
        throw error
      }
    },
  }
}

async function bindPort(server: Server, { listenAddress, tls }: ServerOptions): Promise<number> {
  const credentials = await serverCredentials(tls)
  return new Promise((resolve, reject) => {
    server.bindAsync(listenAddress, credentials, (error, port) => {
      if (error === null) resolve(port)
      else reject(new Error(`The server cannot listen on ${listenAddress}: ${error.message}`, { cause: error }))
    })
  })
}

async function drain(server: Server, health: Health, calls: OpenCalls, options: ServerOptions): Promise<void> {
  health.setAllNotServing()
  await delay(options.drainDelayMs)
  const answered = promisify(server.tryShutdown.bind(server))()
  calls.endStreams()
  if (!(await endsWithin(answered, options.drainTimeoutMs ?? drainTimeoutMsDefault))) {
    options.log.warn({ calls: calls.size }, 'calls were still under way when the time to drain was over')
    // grpc-js cannot be made to close connections whose calls hang, but it sends what these are answered now.
    calls.interruptAll()
    await endsWithin(answered, cutOffTimeoutMs)
  }
  server.forceShutdown()
}

/** Whether the work ends in time. */
async function endsWithin(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController()
  const late = delay(timeoutMs, false, { signal: timer.signal }).catch(() => false)
  const inTime = await Promise.race([work.then(() => true), late])
  timer.abort()
  return inTime
}
