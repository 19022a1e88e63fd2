import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { PeerServiceService } from '../../gen/paymesh/connector/v1/peer_service.js'
import { RoleServiceService } from '../../gen/paymesh/identity/v1/role_service.js'
import { AccountServiceService } from '../../gen/paymesh/ledger/v1/account_service.js'
import pg from 'pg'
import { z } from 'zod'
import { type Mesh, startMesh } from '../../dev/mesh.js'
import { codeSentTo } from '../../dev/notifications.js'
import { freeMeshPorts } from '../../dev/ports.js'
import { type Exit } from '../../dev/process.js'
import { signInOperator } from '../../dev/operator.js'
import { EdgeClient } from '../../dev/edge-client.js'
import { operatorClient, seed } from '../../dev/seed.js'
import { type Environment, type ServiceName, SERVICES } from '../../dev/services.js'
import { testFolder } from '../../dev/testing.js'
import { type Client } from '../runtime/client.js'
import { Keyring } from '../runtime/keyring.js'
import { type TlsFiles } from '../runtime/mesh-credentials.js'
import { type PeerName } from '../runtime/peer-identity.js'
import { Secret } from '../runtime/secret.js'
import { Api, signIn } from './api.js'

/** The one mesh that all end-to-end tests of a run share, real from edge to disk. */
export interface MeshUnderTest {
  /** The public API, nobody signed in. */
  readonly api: Api
  /** The public API as an operator. */
  readonly operator: Api
  /** The public API as an administrator, who may grant roles. */
  readonly admin: Api
  /** The Ledger, asked with the operator's certificate. */
  readonly ledger: Client<typeof AccountServiceService>
  readonly peers: Client<typeof PeerServiceService>
  readonly addresses: Readonly<Record<ServiceName, string>>
  readonly tls: (peer: PeerName | 'stranger') => TlsFiles
  readonly services: Readonly<Record<ServiceName, ServiceUnderTest>>
  readonly logFiles: () => string[]
  readonly databaseUrl: (service: ServiceName) => string
  /** What seals Identity's keys. */
  readonly keyring: Keyring
  /** Envoy's counters by name, of those that begin so. */
  readonly edgeStats: (prefix: string) => Promise<ReadonlyMap<string, number>>
  /** The code that was last sent to an address, of a kind such as CONTACT_CODE. */
  readonly codeSentTo: (email: string, kind?: string) => Promise<string>
  /** Waits until the condition gives a value; fails after 20 seconds, naming what was waited for. */
  readonly until: <T>(what: string, condition: () => Promise<T | undefined>) => Promise<T>
  /** Waits until the edge has seen that a service that was started again is back. */
  readonly untilServed: (api: Api) => Promise<void>
  /** Waits until every event has left, so that a process that starts finds nothing to publish. */
  readonly untilOutboxEmpty: () => Promise<void>
}

export interface ServiceUnderTest {
  kill(): Promise<Exit>
  /** SIGTERM; answers how the process ended. */
  terminate(): Promise<Exit>
  start(environment?: Environment): Promise<void>
  restart(environment?: Environment): Promise<void>
  exited(): Promise<Exit>
}

let running: Promise<{ mesh: Mesh; underTest: MeshUnderTest }> | undefined

export async function theMesh(): Promise<MeshUnderTest> {
  running ??= start()
  return (await running).underTest
}

after(async function () {
  this.timeout(60_000)
  const started = await running
  started?.underTest.ledger.close()
  started?.underTest.peers.close()
  await started?.mesh.stop()
})

async function start(): Promise<{ mesh: Mesh; underTest: MeshUnderTest }> {
  const mesh = await startMesh({
    stateFolder: join(testFolder(), 'mesh'),
    ports: await freeMeshPorts(),
    durable: false,
  })
  await seed(mesh)
  const api = new Api(mesh.url)
  const operator = await signInOperator(new EdgeClient(mesh.url), mesh.secrets.operatorPassword)
  const addresses = Object.fromEntries(SERVICES.map((name) => [name, `localhost:${mesh.ports[name].grpc}`]))
  const underTest: MeshUnderTest = {
    api,
    operator: api.as(operator.token),
    admin: await administrator(mesh, api),
    ledger: operatorClient(mesh, 'ledger', AccountServiceService),
    peers: operatorClient(mesh, 'connector', PeerServiceService),
    addresses: addresses as Record<ServiceName, string>,
    tls: (peer) => mesh.tls(peer),
    services: Object.fromEntries(SERVICES.map((name) => [name, serviceUnderTest(mesh, name)])) as Record<
      ServiceName,
      ServiceUnderTest
    >,
    logFiles: () =>
      ([...SERVICES, 'envoy', 'postgres', 'valkey'] as const)
        .map((part) => mesh.logFile(part))
        .filter((file) => existsSync(file)),
    codeSentTo: (email, kind) => codeSentTo(mesh.notificationFile, email, kind),
    until,
    databaseUrl: (service) => mesh.databaseUrl(service),
    keyring: new Keyring([
      { id: 'dev-1', key: new Secret(Buffer.from(mesh.secrets.keyEncryptionKey, 'base64'), 'key') },
    ]),
    edgeStats: (prefix) => edgeStats(mesh, prefix),
    untilServed: async (caller) => {
      await untilHealthy(mesh, 'intent')
      await until('Intent and what it needs are served through the edge', async () => {
        const { status } = await caller.send('GET', '/v1/wallets')
        return status === 200 || undefined
      })
    },
    untilOutboxEmpty: () => untilOutboxEmpty(mesh),
  }
  return { mesh, underTest }
}

/**
 * Waits for a health check of the edge that began after the call. One that was under way when the service went would
 * otherwise end later and take the service out again for a moment.
 */
async function untilHealthy(mesh: Mesh, service: ServiceName): Promise<void> {
  const stat = `cluster.${service}.health_check.success`
  const successes = async (): Promise<number> => (await edgeStats(mesh, `${stat}$`)).get(stat) ?? 0
  const seen = await successes()
  await until(`the edge sees that ${service} is healthy`, async () => (await successes()) > seen + 1 || undefined)
}

async function edgeStats(mesh: Mesh, prefix: string): Promise<ReadonlyMap<string, number>> {
  const answer = await fetch(`http://127.0.0.1:${mesh.ports.edgeAdmin}/stats?filter=^${prefix}`)
  const lines = (await answer.text()).split('\n').filter((line) => line.includes(': '))
  return new Map(lines.map((line) => [line.split(': ')[0] ?? '', Number(line.split(': ')[1])]))
}

async function untilOutboxEmpty(mesh: Mesh): Promise<void> {
  const client = new pg.Client({ connectionString: mesh.databaseUrl('intent') })
  await client.connect()
  try {
    await until('the outbox is empty', async () => {
      const { rowCount } = await client.query('select from outbox limit 1')
      return rowCount === 0 || undefined
    })
  } finally {
    await client.end()
  }
}

async function administrator(mesh: Mesh, api: Api): Promise<Api> {
  const [email, password] = [`admin-${randomUUID()}@example.com`, randomUUID()]
  const user = await api.ok('POST', '/v1/users', { user: { email }, password }, 'user', z.object({ name: z.string() }))
  const roles = operatorClient(mesh, 'identity', RoleServiceService)
  await roles.grantRole({ user: user.name, role: 'admin' })
  roles.close()
  return api.as((await signIn(api, email, password)).accessToken)
}

function serviceUnderTest(mesh: Mesh, name: ServiceName): ServiceUnderTest {
  const service = mesh.service(name)
  return {
    kill: () => service.kill('SIGKILL'),
    terminate: () => service.stop(),
    start: (environment) => service.start(environment),
    restart: (environment) => service.restart(environment),
    exited: () => service.exited(),
  }
}

const UNTIL_MS = 20_000

async function until<T>(what: string, condition: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + UNTIL_MS
  for (;;) {
    const value = await condition()
    if (value !== undefined) return value
    if (Date.now() > deadline) throw new Error(`waited ${UNTIL_MS} ms in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
