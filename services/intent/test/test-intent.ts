import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type MethodDefinition } from '@grpc/grpc-js'
import { testCertificates } from '../../../dev/testing.js'
import { type CreateIntentRequest, IntentServiceService } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { CreateWalletRequest, WalletServiceService } from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Intent } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { type PeerName } from '../../runtime/call.js'
import { type Clock } from '../../runtime/clock.js'
import { createLogger } from '../../runtime/logger.js'
import { createMetrics } from '../../runtime/metrics.js'
import { Secret } from '../../runtime/secret.js'
import { type Channel } from '../channels/channel.js'
import { type RulesQuorum } from '../config.js'
import { type ReachCrashPoint } from '../crash-points.js'
import { type ScoringProvider } from '../decisions/scoring-client.js'
import { type HttpProviderOptions } from '../providers/http-provider.js'
import { type IntentService, realLimits, type ServiceLimits, startIntentService } from '../service.js'
import { type MeshProcess } from './mesh-process.js'
import { type Answer, type As, metadataOf, operator, RawClient } from './raw-client.js'

export interface IntentOptions {
  readonly crashPoint?: ReachCrashPoint
  readonly valkeyUrl?: string
  /** A replica for lists. */
  readonly readDatabaseUrl?: string
  readonly scoringProviders?: readonly ScoringProvider[]
  readonly rulesQuorum?: RulesQuorum
  readonly limits?: Partial<ServiceLimits>
  readonly clock?: Clock
  readonly providers?: readonly HttpProviderOptions[]
  readonly channels?: readonly Channel[]
}

/** What an Intent of the mesh reaches. */
export interface Surroundings {
  readonly ledger: MeshProcess
  readonly rules: MeshProcess
  readonly databaseUrl: string
  readonly valkeyUrl: string
}

/** One Intent service within this process. */
export class TestIntent {
  readonly #service: IntentService | undefined
  #stopped = false
  readonly #clients: ReadonlyMap<PeerName, RawClient>

  private constructor(service: IntentService | undefined, clients: ReadonlyMap<PeerName, RawClient>) {
    this.#service = service
    this.#clients = clients
  }

  /** A client of an Intent that runs elsewhere. */
  static async at(address: string, service?: IntentService): Promise<TestIntent> {
    const peers: PeerName[] = ['edge', 'operator', 'connector']
    const clients = await Promise.all(
      peers.map(async (peer) => [peer, await RawClient.connect(address, peer, 'intent')] as const),
    )
    return new TestIntent(service, new Map(clients))
  }

  static async start(mesh: Surroundings, options: IntentOptions): Promise<TestIntent> {
    const tls = (await testCertificates()).of('intent')
    const service = await startIntentService(
      {
        isDevelopment: true,
        listenAddress: 'localhost:0',
        adminAddress: 'localhost:0',
        tls,
        databaseUrl: mesh.databaseUrl,
        databasePoolMax: 10,
        readDatabaseUrl: options.readDatabaseUrl,
        ledgerAddress: mesh.ledger.address,
        ledgerNamespace: 'paymesh',
        rulesAddress: mesh.rules.address,
        rulesQuorum: options.rulesQuorum,
        valkeyUrl: options.valkeyUrl ?? mesh.valkeyUrl,
        scoringProviders: options.scoringProviders ?? [],
        encryptionKeys: [{ id: 'test', key: new Secret(Buffer.alloc(32, 7), 'key') }],
        webhookNetworks: [{ address: '127.0.0.0', prefix: 8 }],
        providers: options.providers ?? [],
        drainDelayMs: 0,
        crashAt: undefined,
      },
      {
        log: createLogger({ name: 'intent', level: 'silent' }),
        metrics: createMetrics('intent'),
        crashPoint: options.crashPoint ?? (() => undefined),
        limits: { ...realLimits, ...options.limits },
        ...(options.channels === undefined ? {} : { channels: options.channels }),
        ...(options.clock === undefined ? {} : { clock: options.clock }),
      },
    )
    return await TestIntent.at(`localhost:${service.port}`, service)
  }

  /** Stops the service as SIGTERM does, while its clients stay. */
  async drain(): Promise<void> {
    this.#stopped = true
    await this.#service?.stop()
  }

  /** Stops the service as SIGTERM does; again, it does nothing. */
  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    for (const client of this.#clients.values()) client.close()
    await this.#service?.stop()
  }

  /** Calls as somebody; rejects with RpcError. */
  async call<Q, R>(method: MethodDefinition<Q, R>, request: Q, as: As): Promise<Answer<R>> {
    return await this.#client(as).call(method, request, metadataOf(as))
  }

  /** Opens a server stream as somebody; it ends when iteration does. */
  stream<Q, R>(method: MethodDefinition<Q, R>, request: Q, as: As): AsyncIterable<R> {
    return this.#client(as).stream(method, request, metadataOf(as))
  }

  /** A new wallet of a user, with money when asked. */
  async wallet(user: string, fundedMinor = 0n, assetCode = 'THB'): Promise<Wallet> {
    const request = CreateWalletRequest.fromPartial({ requestId: randomUUID(), wallet: { assetCode } })
    const { message } = await this.call(WalletServiceService.createWallet, request, { user })
    if (fundedMinor > 0n) await this.fund(message.wallet!.name, fundedMinor, assetCode)
    return message.wallet!
  }

  async fund(name: string, minorUnits: bigint, assetCode = 'THB'): Promise<Intent> {
    const request = { name, requestId: randomUUID(), amount: { assetCode, minorUnits }, reference: '' }
    const { message } = await this.call(WalletServiceService.fundWallet, request, operator)
    return message.intent!
  }

  async available(name: string): Promise<bigint> {
    const { message } = await this.call(WalletServiceService.getWallet, { name }, operator)
    return message.wallet!.available!.minorUnits!
  }

  async pay(user: string, request: CreateIntentRequest): Promise<Answer<Intent>> {
    const { message, headers } = await this.call(IntentServiceService.createIntent, request, { user })
    return { message: message.intent!, headers }
  }

  async intent(name: string): Promise<Intent> {
    const { message } = await this.call(IntentServiceService.getIntent, { name }, operator)
    return message.intent!
  }

  #client(as: As): RawClient {
    const client = this.#clients.get('peer' in as ? as.peer : 'edge')
    assert.ok(client)
    return client
  }
}
