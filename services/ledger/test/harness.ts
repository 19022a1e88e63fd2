import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import type pg from 'pg'
import { type PeerName } from '../../runtime/call.js'
import { testCertificates, testDatabase } from '../../../dev/testing.js'
import { AccountKind } from '../../../gen/paymesh/ledger/v1/account.js'
import { AccountServiceService, CreateAccountRequest } from '../../../gen/paymesh/ledger/v1/account_service.js'
import { Asset } from '../../../gen/paymesh/ledger/v1/asset.js'
import { LedgerAdminServiceService } from '../../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import { Transfer as WireTransfer } from '../../../gen/paymesh/ledger/v1/transfer.js'
import { TransferServiceService } from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import { type Client, createClient } from '../../runtime/client.js'
import { type Clock, systemClock } from '../../runtime/clock.js'
import { toUint128 } from '../../runtime/ids.js'
import { createLogger } from '../../runtime/logger.js'
import { createMetrics } from '../../runtime/metrics.js'
import { createPool } from '../../runtime/postgres.js'
import { RpcError } from '../../runtime/rpc-error.js'
import { createServer, type RpcServer } from '../../runtime/server.js'
import { AssetStore } from '../asset-store.js'
import { NamedAccountStore } from '../named-account-store.js'
import {
  ENGINE_DEFAULTS,
  type EngineObserver,
  type EngineOptions,
  PostgresEngine,
} from '../postgres-engine/postgres-engine.js'
import { ledgerBindings } from '../server.js'
import { SnapshotStore } from '../snapshot-store.js'
import { type AccountEvent } from '../state-machine/account.js'
import { type Transfer } from '../state-machine/transfer.js'
import { verifyLedger } from '../verification/verify-ledger.js'

// Audit records are written at every level; they go nowhere.
const log = createLogger({ name: 'ledger-test', level: 'silent', destination: { write: () => undefined } })
const SERVICE_CONFIG = 'proto/paymesh/ledger/v1/ledger_service_config.json'

/** Resolves when the claim holds; looks again every few milliseconds, for at most `timeoutMs`. */
export async function eventually(claim: () => boolean | Promise<boolean>, what: string, timeoutMs = 10_000) {
  const end = performance.now() + timeoutMs
  while (!(await claim())) {
    assert.ok(performance.now() < end, `it did not happen in ${timeoutMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** An engine on a database, and the pool it reads from. */
export class TestEngine {
  readonly engine: PostgresEngine
  readonly pool: pg.Pool

  constructor(url: string, options: Partial<EngineOptions> & { clock?: Clock } = {}) {
    this.pool = createPool({ url, max: 4, applicationName: 'ledger-test' })
    const observer: EngineObserver = { writerChanged: () => undefined, batchDecided: () => undefined }
    this.engine = new PostgresEngine({
      ...ENGINE_DEFAULTS,
      url,
      pool: this.pool,
      clock: systemClock,
      log,
      observer,
      ...options,
    })
  }

  /** Starts it and waits until it is the writer. */
  static async start(url: string, options: Partial<EngineOptions> = {}): Promise<TestEngine> {
    const made = new TestEngine(url, options)
    made.engine.start()
    await made.becomesWriter()
    return made
  }

  becomesWriter(): Promise<void> {
    return eventually(() => this.engine.isWriter, 'the engine is the writer')
  }

  async stop(): Promise<void> {
    await this.engine.stop()
    await this.pool.end()
  }
}

/** The whole service in this process, on a database of its own. */
export class TestLedger {
  readonly url: string
  readonly database: TestEngine
  readonly #server: RpcServer
  readonly #clients: { close(): void }[] = []

  private constructor(url: string, database: TestEngine, server: RpcServer) {
    this.url = url
    this.database = database
    this.#server = server
  }

  static async start(options: Partial<EngineOptions> = {}): Promise<TestLedger> {
    const url = await testDatabase('ledger')
    const database = await TestEngine.start(url, options)
    const server = createServer({
      name: 'ledger',
      listenAddress: 'localhost:0',
      tls: (await testCertificates()).of('ledger'),
      bindings: ledgerBindings({
        engine: database.engine,
        assets: new AssetStore(database.pool),
        names: new NamedAccountStore(database.pool),
        books: {
          snapshots: new SnapshotStore(database.pool),
          verify: (given) => verifyLedger({ ...given, pool: database.pool, namespace: 'paymesh' }),
        },
        clock: systemClock,
        namespace: 'paymesh',
      }),
      reflection: false,
      drainDelayMs: 0,
      log,
      metrics: createMetrics('ledger'),
    })
    await server.listen()
    return new TestLedger(url, database, server)
  }

  get engine(): PostgresEngine {
    return this.database.engine
  }

  get pool(): pg.Pool {
    return this.database.pool
  }

  async accounts(peer: PeerName = 'intent'): Promise<Client<typeof AccountServiceService>> {
    return this.#keep(createClient(AccountServiceService, await this.#options(peer)))
  }

  async transfers(peer: PeerName = 'intent'): Promise<Client<typeof TransferServiceService>> {
    return this.#keep(createClient(TransferServiceService, await this.#options(peer)))
  }

  async admin(peer: PeerName = 'operator'): Promise<Client<typeof LedgerAdminServiceService>> {
    return this.#keep(createClient(LedgerAdminServiceService, await this.#options(peer)))
  }

  /** Where the service answers. */
  get address(): string {
    return `localhost:${this.#server.port}`
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close()
    await this.#server.drain()
    await this.database.stop()
  }

  #keep<C extends { close(): void }>(client: C): C {
    this.#clients.push(client)
    return client
  }

  async #options(peer: PeerName) {
    const tls = (await testCertificates()).of(peer)
    return { address: this.address, peer: 'ledger' as const, tls, serviceConfig: SERVICE_CONFIG }
  }
}

export function accountEvent(id: bigint, fields: Partial<AccountEvent> = {}): AccountEvent {
  return {
    id,
    debitsPending: 0n,
    debitsPosted: 0n,
    creditsPending: 0n,
    creditsPosted: 0n,
    userData128: 0n,
    userData64: 0n,
    userData32: 0,
    reserved: 0,
    ledger: 1,
    code: AccountKind.WALLET,
    flags: 0,
    timestamp: 0n,
    ...fields,
  }
}

export function transferEvent(id: bigint, fields: Partial<Transfer> = {}): Transfer {
  return {
    id,
    debitAccountId: 1n,
    creditAccountId: 2n,
    amount: 1n,
    pendingId: 0n,
    userData128: 0n,
    userData64: 0n,
    userData32: 0,
    timeoutSeconds: 0,
    ledger: 1,
    code: 1,
    flags: 0,
    timestamp: 0n,
    ...fields,
  }
}

/** A transfer as sent; accounts 1 and 2 of ledger 1 when nothing else is said. */
export function wireTransfer(id: bigint, fields: Partial<WireTransfer> = {}): WireTransfer {
  return WireTransfer.fromPartial({
    id: toUint128(id),
    debitAccountId: toUint128(1n),
    creditAccountId: toUint128(2n),
    amount: toUint128(1n),
    ledger: 1,
    code: 1,
    ...fields,
  })
}

/** What a call failed with: the reason, or the code where there is no reason. */
export async function failureOf(call: Promise<unknown>): Promise<RpcError> {
  try {
    await call
  } catch (error) {
    assert.ok(error instanceof RpcError, String(error))
    return error
  }
  throw new assert.AssertionError({ message: 'the call did not fail' })
}

/** How a call must fail. */
export interface Failure {
  readonly reason: string
  readonly code: status
  readonly metadata?: Readonly<Record<string, string>>
  /** The fields of INVALID_FIELD, all of them. */
  readonly fields?: readonly string[]
}

/** The call fails with exactly this. */
export async function assertFails(call: Promise<unknown>, wanted: Failure): Promise<void> {
  const { code, reason, domain, metadata, fieldViolations } = await failureOf(call)
  assert.deepEqual(
    { code: status[code], reason, domain, metadata, fields: fieldViolations.map(({ field }) => field) },
    {
      code: status[wanted.code],
      reason: wanted.reason,
      domain: 'ledger.paymesh',
      metadata: wanted.metadata ?? {},
      fields: wanted.fields ?? [],
    },
  )
}

/** The call fails with INVALID_FIELD for exactly these fields. */
export function assertInvalid(call: Promise<unknown>, ...fields: string[]): Promise<void> {
  return assertFails(call, { reason: 'INVALID_FIELD', code: status.INVALID_ARGUMENT, fields })
}

/** Defines assets of scale 2 and creates accounts of them, by name. */
export async function makeNamedAccounts(
  ledger: TestLedger,
  assets: readonly string[],
  accounts: readonly { readonly id: string; readonly asset: string; readonly kind: AccountKind }[],
): Promise<void> {
  const admin = await ledger.admin()
  for (const assetCode of assets) await admin.createAsset({ asset: Asset.fromPartial({ assetCode, scale: 2 }) })
  const service = await ledger.accounts()
  for (const { id, asset, kind } of accounts) {
    const account = { assetCode: asset, kind }
    await service.createAccount(CreateAccountRequest.fromPartial({ accountId: id, account }))
  }
}
