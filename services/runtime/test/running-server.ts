import type { ServiceDefinition } from '@grpc/grpc-js'
import { testCertificates } from '../../../dev/testing.js'
import type { HandlersOf } from '../call.js'
import { type Client, type ClientOptions, createClient } from '../client.js'
import { createLogger } from '../logger.js'
import { createMetrics, type Metrics } from '../metrics.js'
import type { PeerName } from '../peer-identity.js'
import { bind, type Binding, createServer, type RpcServer, type ServerOptions } from '../server.js'

/** A server under test, with what it logged. */
export interface RunningServer {
  name: PeerName
  address: string
  server: RpcServer
  metrics: Metrics
  records: Record<string, unknown>[]
}

const started: RpcServer[] = []
const opened: { close(): void }[] = []

/** Starts a server on a free port. */
export async function startServer(
  name: PeerName,
  bindings: Binding[],
  options: Partial<ServerOptions> = {},
): Promise<RunningServer> {
  const records: Record<string, unknown>[] = []
  const write = (line: string) => void records.push(JSON.parse(line) as Record<string, unknown>)
  const log = createLogger({ name, level: 'debug', destination: { write } })
  const metrics = createMetrics(name)
  const tls = (await testCertificates()).of(name)
  const defaults = { listenAddress: 'localhost:0', reflection: false, drainDelayMs: 0, drainTimeoutMs: 100 }
  const server = createServer({ ...defaults, name, tls, bindings, log, metrics, ...options })
  await server.listen()
  started.push(server)
  return { name, address: `localhost:${server.port}`, server, metrics, records }
}

/** A client of a server under test that shows the certificate of `as`. */
export async function clientOf<S extends ServiceDefinition>(
  definition: S,
  target: Pick<RunningServer, 'name' | 'address'>,
  as: PeerName | 'stranger',
  options: Partial<ClientOptions> = {},
): Promise<Client<S>> {
  const client = createClient(definition, {
    address: target.address,
    peer: target.name,
    tls: (await testCertificates()).of(as),
    serviceConfig: `proto/paymesh/${target.name}/v1/${target.name}_service_config.json`,
    ...options,
  })
  opened.push(client)
  return client
}

/** Binds a part of a service's handlers; a test that calls another one fails. */
export function bindSome<S extends ServiceDefinition>(definition: S, some: Partial<HandlersOf<S>>): Binding {
  const absent = () => {
    throw new Error('This test has no handler for the method.')
  }
  const all = Object.fromEntries(Object.keys(definition).map((key) => [key, some[key] ?? absent]))
  return bind(definition, all as HandlersOf<S>)
}

/** Closes every client and stops every server of the test. */
export async function stopAll(): Promise<void> {
  for (const client of opened.splice(0)) client.close()
  await Promise.all(started.splice(0).map((server) => server.drain()))
}

/** Resolves when the condition holds; the test's own timeout ends a wait in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** A promise with its handles. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
