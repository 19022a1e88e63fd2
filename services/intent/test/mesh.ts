// Intent within this process, beside the real Ledger and Rules in processes of their own.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Client, Metadata, type MethodDefinition, status } from '@grpc/grpc-js'
import { testCertificates, testDatabase, testFolder, testValkeyUrl } from '../../../dev/testing.js'
import { AccountServiceService, ListAccountsRequest } from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Account, AccountKind } from '../../../gen/paymesh/ledger/v1/account.js'
import { type LimitUsage, type LimitWindow } from '../../../gen/paymesh/ledger/v1/limit.js'
import { LedgerAdminServiceService } from '../../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import { CreateIntentRequest, IntentServiceService } from '../../../gen/paymesh/intent/v1/intent_service.js'
import { CreateWalletRequest, WalletServiceService } from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { CaptureMode, type Intent } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { assetPath } from '../../runtime/assets.js'
import { type PeerName } from '../../runtime/call.js'
import { type Clock } from '../../runtime/clock.js'
import { createLogger } from '../../runtime/logger.js'
import { clientCredentials } from '../../runtime/mesh-credentials.js'
import { createMetrics } from '../../runtime/metrics.js'
import { createPool } from '../../runtime/postgres.js'
import { type RpcError, rpcErrorFrom } from '../../runtime/rpc-error.js'
import { Secret } from '../../runtime/secret.js'
import { accountName, providerAccount, suspenseAccount } from '../ledger/account-names.js'
import { type Channel } from '../channels/channel.js'
import { type ReachCrashPoint } from '../crash-points.js'
import { totalsOf } from '../decisions/decision.js'
import { type Intent as StoredIntent, settledMinor } from '../intents/intent.js'
import { listIntents } from '../intents/intent-list.js'
import { type RulesQuorum } from '../config.js'
import { type ScoringProvider } from '../decisions/scoring-client.js'
import { type IntentService, realLimits, type ServiceLimits, startIntentService } from '../service.js'
import { type HttpProviderOptions } from '../providers/http-provider.js'
import { MeshProcess, runProgram } from './mesh-process.js'

/** Who calls: a user by name, with the permissions of every user, or a peer for itself. */
export type As =
  | { user: string; permissions?: readonly string[]; roles?: readonly string[]; tags?: readonly string[] }
  | { peer: PeerName }
  | { anonymous: true; headers?: Readonly<Record<string, string>> }

export interface Answer<R> {
  readonly message: R
  readonly headers: Metadata
}

const userPermissions = ['wallet:read', 'wallet:write', 'intents:read', 'intents:write']
export const operator: As = { peer: 'operator' }

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

const started = new Set<TestMesh>()

after(async () => {
  for (const mesh of started) await mesh.stop()
})

export class TestMesh {
  readonly ledger: MeshProcess
  readonly rules: MeshProcess
  readonly databaseUrl: string
  readonly ledgerDatabaseUrl: string
  readonly rulesDatabaseUrl: string
  readonly valkeyUrl: string
  readonly pool: ReturnType<typeof createPool>
  readonly #ledgerClient: RawClient
  readonly #intents = new Set<TestIntent>()

  private constructor(
    ledger: MeshProcess,
    rules: MeshProcess,
    urls: {
      readonly databaseUrl: string
      readonly ledgerUrl: string
      readonly rulesUrl: string
      readonly valkeyUrl: string
    },
    ledgerClient: RawClient,
  ) {
    const { databaseUrl, ledgerUrl, rulesUrl, valkeyUrl } = urls
    this.ledger = ledger
    this.rules = rules
    this.databaseUrl = databaseUrl
    this.ledgerDatabaseUrl = ledgerUrl
    this.rulesDatabaseUrl = rulesUrl
    this.valkeyUrl = valkeyUrl
    this.pool = createPool({ url: databaseUrl, max: 4, applicationName: 'test' })
    this.#ledgerClient = ledgerClient
  }

  /** Starts a mesh; it is stopped after the run at the latest, so that a failed test leaves no process behind. */
  static async start(): Promise<TestMesh> {
    const mesh = await TestMesh.#start()
    started.add(mesh)
    return mesh
  }

  static async #start(): Promise<TestMesh> {
    const rulesUrl = await testDatabase('rules')
    const ledgerUrl = await testDatabase('ledger')
    const ledger = await MeshProcess.create('ledger', { DATABASE_URL: ledgerUrl })
    const rules = await MeshProcess.create('rules', { DATABASE_URL: rulesUrl })
    await publish(rulesUrl, await testRuleSet())
    await Promise.all([ledger.start(), rules.start()])
    const ledgerClient = await RawClient.connect(ledger.address, 'operator', 'ledger')
    for (const [assetCode, scale] of [
      ['THB', 2],
      ['USD', 2],
      ['PTS', 0],
    ] as const) {
      const asset = { name: '', assetCode, scale, ledger: 0 }
      await ledgerClient.call(LedgerAdminServiceService.createAsset, { asset })
    }
    const urls = { ledgerUrl, rulesUrl, databaseUrl: await testDatabase('intent'), valkeyUrl: await testValkeyUrl() }
    return new TestMesh(ledger, rules, urls, ledgerClient)
  }

  /** Starts an Intent; several share the database, as replicas do. */
  async startIntent(options: IntentOptions = {}): Promise<TestIntent> {
    const intent = await TestIntent.start(this, options)
    this.#intents.add(intent)
    return intent
  }

  async stop(): Promise<void> {
    if (!started.delete(this)) return
    for (const intent of this.#intents) await intent.stop()
    this.#ledgerClient.close()
    await this.pool.end()
    await Promise.all([this.ledger.kill(), this.rules.kill()])
  }

  /** Publishes the rule set of the tests with something changed. Rules replicas take a moment to learn of it. */
  async publishRuleSet(change: object): Promise<void> {
    await publish(this.rulesDatabaseUrl, { ...(await testRuleSet()), ...change })
  }

  /** What of a limit's window was used. */
  async limitUsage(window: LimitWindow): Promise<LimitUsage> {
    const { message } = await this.#ledgerClient.call(AccountServiceService.getLimitUsage, { window })
    return message.usage!
  }

  async freezeAccount(name: string): Promise<void> {
    await this.#ledgerClient.call(AccountServiceService.freezeAccount, { name })
  }

  /** All accounts of the Ledger. */
  async accounts(): Promise<Account[]> {
    const request = ListAccountsRequest.fromPartial({ pageSize: 1000 })
    const { message } = await this.#ledgerClient.call(AccountServiceService.listAccounts, request)
    assert.equal(message.nextPageToken, '', 'a page holds all accounts of a test')
    return message.accounts
  }

  /**
   * Debits are credits, transit is at zero, nothing is held but what AUTHORIZED intents hold, and each stored outcome has
   * its movement.
   */
  async assertConserved(): Promise<void> {
    const accounts = await this.accounts()
    const sum = (of: (account: Account) => bigint | undefined) =>
      accounts.reduce((total, account) => total + (of(account) ?? 0n), 0n)
    assert.equal(
      sum((account) => account.balances?.debitsPosted?.minorUnits),
      sum((account) => account.balances?.creditsPosted?.minorUnits),
    )
    const held = (await this.intents()).filter(({ status }) => status.state === 'AUTHORIZED')
    // Into transit and out of it.
    const heldMinor = held.reduce(
      (total, intent) => total + 2n * totalsOf(intent.amountMinor, intent.decision).payerMinor,
      0n,
    )
    assert.equal(
      sum((account) => account.balances?.debitsPending?.minorUnits),
      heldMinor,
    )
    for (const account of accounts.filter(({ kind }) => kind === AccountKind.TRANSIT)) {
      assert.equal(account.balances?.posted?.minorUnits, 0n, account.name)
    }
    await this.#assertWalletsAgree(accounts)
  }

  /** All stored intents. */
  async intents(): Promise<StoredIntent[]> {
    const everything = {
      owner: undefined,
      heldForPayee: undefined,
      state: undefined,
      operationType: undefined,
      walletId: undefined,
    }
    return await listIntents(this.pool, { ...everything, beforeId: undefined, countMax: 1_000_000 })
  }

  /** What the settled intents say of each wallet is what the Ledger has. */
  async #assertWalletsAgree(accounts: readonly Account[]): Promise<void> {
    const expected = new Map<string, bigint>()
    const add = (name: string, minor: bigint) => {
      expected.set(name, (expected.get(name) ?? 0n) + minor)
    }
    for (const intent of await this.intents()) {
      const settled = settledMinor(intent)
      if (settled === undefined) continue
      const totals = totalsOf(settled, intent.decision)
      add(accountName(intent.payer), -totals.payerMinor)
      add(paidAccount(intent), totals.payeeMinor)
    }
    const booked = await this.pool.query<{ provider: string; currency: string; minor: string }>(
      `select d.provider, i.asset_code as currency, sum(d.book_minor)::text as minor
       from discrepancies d join intents i on i.id = d.intent_id where d.booking = 'BOOKED' group by 1, 2`,
    )
    for (const { provider, currency, minor } of booked.rows) {
      add(providerAccount(provider, currency), BigInt(minor))
      add(suspenseAccount(provider, currency), -BigInt(minor))
    }
    const kinds: AccountKind[] = [AccountKind.WALLET, AccountKind.SETTLEMENT, AccountKind.SUSPENSE]
    for (const account of accounts) {
      if (!kinds.includes(account.kind)) continue
      assert.equal(account.balances?.posted?.minorUnits, expected.get(account.name) ?? 0n, account.name)
    }
  }
}

/** The account that a payment credits: of a payee outside, the provider's. */
function paidAccount({ payee, submission, assetCode }: StoredIntent): string {
  return payee.kind === 'external' ? providerAccount(submission!.provider, assetCode) : accountName(payee)
}

/** The default rule set, a fee that small payments in points cannot bear, and a review for who asks for one. */
async function testRuleSet(): Promise<object> {
  const text = await readFile(assetPath('services/rules/default-rule-set.json'), 'utf8')
  const { routes, fees } = JSON.parse(text) as { routes: object[]; fees: object[] }
  const fee = { id: 'points', operation_type: 'P2P_TRANSFER', assets: ['PTS'], phase: 'POST', flat_minor: '50' }
  const suspicious = { id: 'suspicious', condition: 'has(metadata.suspicious)', action: 'REVIEW', score: 500 }
  const risk = { rules: [{ ...suspicious, operation_types: ['P2P_TRANSFER'], reason: 'LOOKS_ODD' }] }
  return { routes, fees: [...fees, { ...fee, revenue_account: 'accounts/fees.{asset}' }], risk }
}

async function publish(databaseUrl: string, ruleSet: object): Promise<void> {
  const file = join(testFolder(), `rule-set-${randomUUID()}.json`)
  await writeFile(file, JSON.stringify(ruleSet))
  await runProgram('services/rules/publish.js', [file], { DATABASE_URL: databaseUrl })
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

  static async start(mesh: TestMesh, options: IntentOptions): Promise<TestIntent> {
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

export interface PaymentChange {
  requestId?: string
  metadata?: Record<string, string>
  assetCode?: string
  operationType?: string
  /** Hold the money for so long. */
  holdSeconds?: number
}

/** A request to pay from one wallet to another. */
export function paymentRequest(
  payer: Wallet,
  payee: Wallet,
  minorUnits: bigint,
  change: PaymentChange = {},
): CreateIntentRequest {
  return CreateIntentRequest.fromPartial({
    requestId: change.requestId ?? randomUUID(),
    intent: {
      operationType: change.operationType ?? 'P2P_TRANSFER',
      ...(change.holdSeconds === undefined
        ? {}
        : { captureMode: CaptureMode.MANUAL, holdDuration: { seconds: BigInt(change.holdSeconds), nanos: 0 } }),
      payer: { party: { $case: 'wallet', wallet: payer.name } },
      payee: { party: { $case: 'wallet', wallet: payee.name } },
      amount: { assetCode: change.assetCode ?? payer.assetCode, minorUnits },
      metadata: change.metadata ?? {},
    },
  })
}

/** A request to pay to a bank account. */
export function withdrawalRequest(payer: Wallet, minorUnits: bigint): CreateIntentRequest {
  const bankAccount = { bankCode: '004', accountNumber: '1234567890' }
  return CreateIntentRequest.fromPartial({
    requestId: randomUUID(),
    intent: {
      operationType: 'IPPS_WITHDRAWAL',
      payer: { party: { $case: 'wallet', wallet: payer.name } },
      payee: { party: { $case: 'external', external: { party: { $case: 'bankAccount', bankAccount } } } },
      amount: { assetCode: 'THB', minorUnits },
    },
  })
}

function metadataOf(as: As): Metadata {
  const metadata = new Metadata()
  if ('anonymous' in as) for (const [name, value] of Object.entries(as.headers ?? {})) metadata.set(name, value)
  if (!('user' in as)) return metadata
  const claims = {
    sub: `users/${as.user}`,
    sid: 'sessions/0198c0de-0000-7000-8000-000000005e55',
    acr: 'pwd',
    permissions: as.permissions ?? userPermissions,
    roles: as.roles ?? [],
    tags: as.tags ?? [],
  }
  metadata.set('x-paymesh-claims', Buffer.from(JSON.stringify(claims)).toString('base64url'))
  return metadata
}

/** A client that sends what headers it likes, as the edge does. */
class RawClient {
  readonly #client: Client

  private constructor(client: Client) {
    this.#client = client
  }

  static async connect(address: string, as: PeerName, to: PeerName): Promise<RawClient> {
    return new RawClient(new Client(address, clientCredentials((await testCertificates()).of(as), to)))
  }

  async call<Q, R>(method: MethodDefinition<Q, R>, request: Q, metadata = new Metadata()): Promise<Answer<R>> {
    const { path, requestSerialize, responseDeserialize } = method
    const deadline = Date.now() + 15_000
    return await new Promise((resolve, reject) => {
      let headers = new Metadata()
      const done = (error: Error | null, message: R | undefined) => {
        if (error !== null) reject(rpcErrorFrom(error))
        else resolve({ message: message!, headers })
      }
      this.#client
        .makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, { deadline }, done)
        .on('metadata', (received) => (headers = received))
    })
  }

  async *stream<Q, R>(method: MethodDefinition<Q, R>, request: Q, metadata: Metadata): AsyncGenerator<R> {
    const { path, requestSerialize, responseDeserialize } = method
    const stream = this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata)
    try {
      for await (const message of stream) yield message as R
    } catch (error) {
      throw rpcErrorFrom(error)
    } finally {
      stream.cancel()
    }
  }

  close(): void {
    this.#client.close()
  }
}

/** What a call must fail with. `fields` are the violated fields, in order. */
export interface ExpectedFailure {
  reason: string
  code: keyof typeof status
  fields?: readonly string[]
  metadata?: Readonly<Record<string, string>>
}

/** Asserts that a call failed so, and answers the error for more. */
export async function assertFails(call: Promise<unknown>, expected: ExpectedFailure): Promise<RpcError> {
  const error = await call.then(
    () => assert.fail(`answered instead of failing with ${expected.reason}`),
    (reason: unknown) => rpcErrorFrom(reason),
  )
  assert.equal(error.reason, expected.reason, error.message)
  assert.equal(status[error.code], expected.code)
  assert.deepEqual(
    error.fieldViolations.map(({ field }) => field),
    expected.fields ?? [],
  )
  if (expected.metadata !== undefined) assert.deepEqual(error.metadata, expected.metadata)
  return error
}
