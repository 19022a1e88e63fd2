// A mesh of its own for a bench: durable as in production, one operator, funded people.
import { Agent, request } from 'node:http'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Metadata, type ServiceError } from '@grpc/grpc-js'
import { z } from 'zod'
import { checkout } from '../dev/checkout.js'
import { EdgeClient } from '../dev/edge-client.js'
import { type Mesh, startMesh } from '../dev/mesh.js'
import { register, signIn, type SignedIn, signInOperator } from '../dev/operator.js'
import { freeMeshPorts } from '../dev/ports.js'
import { seed } from '../dev/seed.js'
import { IntentServiceClient } from '../gen/paymesh/intent/v1/intent_service.js'
import { WalletServiceClient } from '../gen/paymesh/intent/v1/wallet_service.js'
import { clientCredentials } from '../services/runtime/mesh-credentials.js'

/** Somebody with a funded wallet. */
export interface Person extends SignedIn {
  readonly wallet: string
  /** What the edge would send to a service on this person's behalf. */
  readonly metadata: Metadata
}

export interface BenchMesh {
  readonly people: readonly Person[]
  /** Intent, called directly with the edge's certificate. */
  readonly intents: IntentServiceClient
  readonly wallets: WalletServiceClient
  /** Intent over a connection of its own; whoever asks closes it. */
  connectIntents(): IntentServiceClient
  /** A request at the edge over kept connections; fails unless answered 200. */
  call(person: Person, method: 'GET' | 'POST', path: string, body?: string): Promise<string>
  /** The resident memory of each service that takes part in payments, in MiB. */
  residentMiB(): Record<string, number>
  stop(): Promise<void>
}

const WALLET = z.object({ wallet: z.object({ name: z.string() }) })

export async function benchMesh(peopleCount: number, fundsMinor: bigint): Promise<BenchMesh> {
  const stateFolder = mkdtempSync(join(checkout, '.paymesh-bench-'))
  const mesh = await startMesh({ stateFolder, ports: await freeMeshPorts(), durable: true, edgeConcurrency: 1 })
  await seed(mesh)
  await publishLimit(mesh, join(stateFolder, 'rule-set.json'))
  const edge = new EdgeClient(mesh.url)
  const operator = edge.as((await signInOperator(edge, mesh.secrets.operatorPassword)).token)
  const people: Person[] = []
  for (let index = 0; index < peopleCount; index++) people.push(await newPerson(edge, operator, index, fundsMinor))
  const address = `localhost:${mesh.ports.intent.grpc}`
  const credentials = clientCredentials(mesh.tls('edge'), 'intent')
  const intents = new IntentServiceClient(address, credentials)
  const wallets = new WalletServiceClient(address, credentials)
  const agent = new Agent({ keepAlive: true, maxSockets: 1024 })
  return {
    people,
    intents,
    wallets,
    connectIntents: () => new IntentServiceClient(address, credentials, { 'grpc.use_local_subchannel_pool': 1 }),
    call: (person, method, path, body) => call(agent, mesh.ports.edgeHttp, person, method, path, body),
    residentMiB: () => Object.fromEntries(paying.map((name) => [name, residentMiB(mesh.service(name).pid)])),
    stop: async () => {
      agent.destroy()
      intents.close()
      wallets.close()
      await mesh.stop()
      rmSync(stateFolder, { recursive: true })
    },
  }
}

const paying = ['intent', 'rules', 'ledger'] as const

/** By Linux, whose status files say it in KiB. */
function residentMiB(pid: number | undefined): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid ?? 'self'}/status`, 'utf8')) ?? []
  if (kib === undefined) throw new Error('the system does not tell how much memory a process has')
  return Number(kib) / 1024
}

/** The default rule set, and a limit of a day that nobody reaches: every payment is counted. */
async function publishLimit(mesh: Mesh, file: string): Promise<void> {
  const ruleSet = z
    .looseObject({})
    .parse(JSON.parse(readFileSync(join(checkout, 'services/rules/default-rule-set.json'), 'utf8')))
  const limit = {
    id: 'daily-user',
    operation_types: ['P2P_TRANSFER'],
    assets: ['THB'],
    metric: 'AMOUNT',
    window: 'DAILY',
    time_zone: 'Asia/Bangkok',
    cap: '1000000000000',
  }
  writeFileSync(file, JSON.stringify({ ...ruleSet, limits: [limit] }))
  await mesh.service('rules').run('publish', [file])
}

async function newPerson(edge: EdgeClient, operator: EdgeClient, index: number, fundsMinor: bigint): Promise<Person> {
  const [email, password] = [`person-${index}@example.com`, `password of ${index}`]
  await register(edge, email, password, `Person ${index}`)
  const signedIn = await signIn(edge, email, password)
  const order = { requestId: 'wallet', wallet: { assetCode: 'THB' } }
  const { name } = (await edge.as(signedIn.token).post('/v1/wallets', order, WALLET)).wallet
  const amount = { assetCode: 'THB', minorUnits: String(fundsMinor) }
  await operator.post(`/v1/${name}:fund`, { requestId: `fund-${index}`, amount }, z.unknown())
  const metadata = new Metadata()
  metadata.set('x-paymesh-claims', signedIn.token.split('.')[1] ?? '')
  return { ...signedIn, wallet: name, metadata }
}

/** A unary call of a generated client as a promise. */
export function answered<T>(start: (done: (error: ServiceError | null, value: T) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => {
      if (error === null) resolve(value)
      else reject(error)
    })
  })
}

// node:http rather than fetch: it costs half as much of the processor that the mesh under measurement needs.
function call(agent: Agent, port: number, person: Person, method: string, path: string, body = ''): Promise<string> {
  const headers = {
    authorization: `Bearer ${person.token}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  }
  return new Promise((resolve, reject) => {
    const sent = request({ agent, host: '127.0.0.1', port, method, path, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('error', reject).on('end', () => {
        if (response.statusCode === 200) resolve(text)
        else reject(new Error(`${method} ${path} answered ${response.statusCode}: ${text}`))
      })
    })
    sent.on('error', reject).end(body)
  })
}
