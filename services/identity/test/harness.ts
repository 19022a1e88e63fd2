import assert from 'node:assert/strict'
import { Client, Metadata, type MethodDefinition, status } from '@grpc/grpc-js'
import type pg from 'pg'
import { testCertificates, testDatabase } from '../../../dev/testing.js'
import { CreateSessionRequest, SessionServiceService } from '../../../gen/paymesh/identity/v1/session_service.js'
import {
  RegisterUserRequest,
  type User,
  UserServiceService,
  VerifyContactRequest,
} from '../../../gen/paymesh/identity/v1/user_service.js'
import type { Tokens } from '../../../gen/paymesh/identity/v1/session_service.js'
import type { PeerName } from '../../runtime/call.js'
import type { Clock } from '../../runtime/clock.js'
import { systemRandom } from '../../runtime/ids.js'
import { createLogger } from '../../runtime/logger.js'
import { clientCredentials, type TlsFiles } from '../../runtime/mesh-credentials.js'
import { createMetrics, type Metrics } from '../../runtime/metrics.js'
import { createPool } from '../../runtime/postgres.js'
import { type RpcError, rpcErrorFrom } from '../../runtime/rpc-error.js'
import { createServer } from '../../runtime/server.js'
import { createDeps, type Parts, type Surroundings } from '../deps.js'
import type { Notification } from '../notifications/notification.js'
import { Secret } from '../../runtime/secret.js'
import { clientAddressHeader } from '../throttles/client-network.js'
import { identityBindings } from '../server.js'

/** A clock that stands still until it is told. Begins at the machine's time, since real verifiers compare with that. */
export class TestClock implements Clock {
  #nowMs = Date.now()

  nowMs(): number {
    return this.#nowMs
  }

  nowNs(): bigint {
    return BigInt(this.#nowMs) * 1_000_000n
  }

  advance(ms: number): void {
    this.#nowMs += ms
  }
}

/** The claims that the edge passes on for a signed-in user. */
export interface Claims {
  sub: string
  sid?: string
  acr?: 'pwd' | 'device' | 'pin'
  permissions?: readonly string[]
}

export interface CallAs {
  /** The certificate to show; the edge's when absent. */
  peer?: PeerName | 'stranger'
  claims?: Claims
  timeoutMs?: number
  /** The address that the edge says the call came from. */
  clientAddress?: string
}

export const config = {
  TOKEN_ISSUER: 'https://paymesh.test',
  TOKEN_AUDIENCE: 'paymesh',
  KEY_ENCRYPTION_KEYS: [{ id: 'test', key: new Secret(Buffer.alloc(32, 1), 'key') }],
  SIGNING_KEY_DAYS: 30,
  BLIND_INDEX_KEY: new Secret(Buffer.alloc(32, 2), 'key'),
}

/** Every password is turned away. */
export const turnAway = { runningMax: 0, waitingMax: 0 }
/** One password may wait, and never has its turn. */
export const neverEnding = { runningMax: 0, waitingMax: 1 }

/** An administrator's claims, as far as the RPCs here ask. */
export const admin: Claims = { sub: 'users/0198c0de-0000-7000-8000-00000000ad31', permissions: ['roles:admin'] }

/** Identity on a database of its own, served over mutual TLS. */
export class TestIdentity {
  readonly clock = new TestClock()
  /** What people were told, in order, once `deliver` was called. */
  readonly notified: Notification[] = []
  /** Every record logged, as text. */
  readonly logged: string[] = []
  readonly log = createLogger({
    name: 'identity',
    level: 'trace',
    destination: { write: (line) => this.logged.push(line) },
  })
  readonly #clients = new Map<string, Client>()
  #userCount = 0
  #delivered: Promise<void> = Promise.resolve()
  #databaseUrl = ''
  #parts!: Parts
  #pool!: pg.Pool
  #metrics!: Metrics
  #server!: ReturnType<typeof createServer>
  #tlsOf!: (peer: PeerName | 'stranger') => TlsFiles

  /** Starts it, with other bounds for passwords if given (`turnAway` or `neverEnding`), and other key-encryption keys. */
  static async start(
    passwordBounds?: { runningMax: number; waitingMax: number },
    keys: readonly { id: string; key: Secret<Buffer> }[] = config.KEY_ENCRYPTION_KEYS,
  ): Promise<TestIdentity> {
    const identity = new TestIdentity()
    await identity.#start(passwordBounds, { ...config, KEY_ENCRYPTION_KEYS: [...keys] })
    return identity
  }

  get databaseUrl(): string {
    return this.#databaseUrl
  }

  get pool(): pg.Pool {
    return this.#pool
  }

  get parts(): Parts {
    return this.#parts
  }

  get metrics(): Metrics {
    return this.#metrics
  }

  async stop(): Promise<void> {
    for (const client of this.#clients.values()) client.close()
    this.#parts.signingKeys.stop()
    await this.#server.drain()
    await this.#pool.end()
  }

  /** Calls a method as a peer; rejects with RpcError. */
  async call<Q, R>(method: MethodDefinition<Q, R>, request: Q, as: CallAs = {}): Promise<R> {
    const metadata = new Metadata()
    if (as.claims !== undefined) {
      const claims = { sid: 'sessions/0198c0de-0000-7000-8000-000000005e55', acr: 'pwd', ...as.claims }
      metadata.set('x-paymesh-claims', Buffer.from(JSON.stringify(claims)).toString('base64url'))
    }
    if (as.clientAddress !== undefined) metadata.set(clientAddressHeader, as.clientAddress)
    const { path, requestSerialize, responseDeserialize } = method
    const client = this.#clientOf(as.peer ?? 'edge')
    const options = { deadline: Date.now() + (as.timeoutMs ?? 10_000) }
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        options,
        (error, answer) => {
          if (error !== null) reject(rpcErrorFrom(error))
          else resolve(answer!)
        },
      )
    })
  }

  /** Calls a method that answers a stream as an operator, to its end; rejects with RpcError. */
  async stream<Q, R>(method: MethodDefinition<Q, R>, request: Q, peer: PeerName = 'operator'): Promise<R[]> {
    const { path, requestSerialize, responseDeserialize } = method
    const options = { deadline: Date.now() + 20_000 }
    const answer = this.#clientOf(peer).makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      new Metadata(),
      options,
    )
    try {
      return (await answer.toArray()) as R[]
    } catch (error) {
      throw rpcErrorFrom(error)
    }
  }

  /** Registers somebody new. */
  async register(
    given: { email?: string; displayName?: string; password?: string } = {},
  ): Promise<User & { password: string }> {
    const { email = `user-${++this.#userCount}@example.com`, displayName = 'Ann', password = 'correct horse' } = given
    const request = RegisterUserRequest.fromPartial({ user: { email, displayName }, password })
    const { user } = await this.call(UserServiceService.registerUser, request)
    return { ...user!, password }
  }

  /** Delivers what is to be told, and answers the last thing told to that address. */
  async told(email: string): Promise<Notification> {
    // One after the other: what another delivery has taken it may not have handed over yet.
    this.#delivered = this.#delivered.then(() => this.#deliver())
    await this.#delivered
    const last = this.notified.findLast((notification) => notification.email.reveal() === email)
    return last ?? assert.fail(`nothing was told to ${email}`)
  }

  async #deliver(): Promise<void> {
    while (await this.#parts.delivery.deliver());
  }

  /** The code that was last sent to that address. */
  async codeOf(email: string): Promise<string> {
    return (await this.told(email)).code?.reveal() ?? assert.fail('what was told last has no code')
  }

  /** Registers somebody new who verifies the address. */
  async registerVerified(given: { email?: string; password?: string } = {}): Promise<User & { password: string }> {
    const user = await this.register(given)
    const request = VerifyContactRequest.fromPartial({ user: user.name, code: await this.codeOf(user.email) })
    await this.call(UserServiceService.verifyContact, request)
    return user
  }

  /** Registers somebody new, or takes a user, and signs them in. */
  async signIn(user?: { email: string; password: string }, as: CallAs = {}): Promise<Tokens> {
    const { email, password } = user ?? (await this.register())
    const request = CreateSessionRequest.fromPartial({ email, password })
    const { tokens } = await this.call(SessionServiceService.createSession, request, as)
    return tokens!
  }

  async #start(
    bounds: { runningMax: number; waitingMax: number } | undefined,
    identityConfig: Surroundings['config'],
  ): Promise<void> {
    const { log } = this
    const certificates = await testCertificates()
    this.#tlsOf = (peer) => certificates.of(peer)
    this.#databaseUrl = await testDatabase('identity')
    this.#pool = createPool({ url: this.#databaseUrl, max: 10, applicationName: 'identity', log })
    this.#metrics = createMetrics('identity')
    const notifier = { send: (notification: Notification) => Promise.resolve(void this.notified.push(notification)) }
    const surroundings = {
      config: identityConfig,
      pool: this.#pool,
      clock: this.clock,
      random: systemRandom,
      notifier,
      log,
    }
    this.#parts = await createDeps({ ...surroundings, ...(bounds && { passwordBounds: bounds }) })
    this.#server = createServer({
      name: 'identity',
      listenAddress: 'localhost:0',
      tls: this.#tlsOf('identity'),
      bindings: identityBindings(this.#parts),
      audit: this.#parts.callAudit,
      reflection: false,
      drainDelayMs: 0,
      log,
      metrics: this.#metrics,
    })
    await this.#server.listen()
  }

  #clientOf(peer: PeerName | 'stranger'): Client {
    let client = this.#clients.get(peer)
    if (client === undefined) {
      client = new Client(`localhost:${this.#server.port}`, clientCredentials(this.#tlsOf(peer), 'identity'))
      this.#clients.set(peer, client)
    }
    return client
  }
}

/** What a call must fail with. `fields` are the violated fields, in order. */
export interface Failure {
  reason: string
  code: keyof typeof status
  fields?: readonly string[]
  metadata?: Readonly<Record<string, string>>
}

/** Asserts that a call failed so, and answers the error for more. */
export async function assertFails(call: Promise<unknown>, expected: Failure): Promise<RpcError> {
  const error = await call.then(
    () => assert.fail(`answered instead of failing with ${expected.reason}`),
    (reason: unknown) => rpcErrorFrom(reason),
  )
  assert.equal(error.reason, expected.reason, error.message)
  assert.equal(status[error.code], expected.code)
  assert.equal(error.domain, 'identity.paymesh')
  assert.deepEqual(error.metadata, expected.metadata ?? {})
  assert.deepEqual(
    error.fieldViolations.map(({ field }) => field),
    expected.fields ?? [],
  )
  return error
}
