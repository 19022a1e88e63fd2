// Intent within this process, beside the real Ledger and Rules in processes of their own.
import assert from 'node:assert/strict'
import { testDatabase, testValkeyUrl } from '../../../dev/testing.js'
import { AccountServiceService, ListAccountsRequest } from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Account, AccountKind } from '../../../gen/paymesh/ledger/v1/account.js'
import { type LimitUsage, type LimitWindow } from '../../../gen/paymesh/ledger/v1/limit.js'
import { LedgerAdminServiceService } from '../../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import { createPool } from '../../runtime/postgres.js'
import { totalsOf } from '../decisions/decision.js'
import { type Intent as StoredIntent, settledMinor } from '../intents/intent.js'
import { listIntents } from '../intents/intent-list.js'
import { accountName, providerAccount, suspenseAccount } from '../ledger/account-names.js'
import { IntentProcess, type IntentProcessOptions } from './intent-process.js'
import { MeshProcess, until } from './mesh-process.js'
import { RawClient } from './raw-client.js'
import { type IntentOptions, TestIntent } from './test-intent.js'
import { publishRuleSet, testRuleSet } from './test-rule-set.js'

/** Servers of a test's own instead of the run's, for a test that breaks them. */
interface OwnServers {
  /** Of Intent. */
  readonly databaseUrl?: string
  readonly valkeyUrl?: string
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
  readonly #intentProcesses = new Set<IntentProcess>()

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
  static async start(servers: OwnServers = {}): Promise<TestMesh> {
    const mesh = await TestMesh.#start(servers)
    started.add(mesh)
    return mesh
  }

  static async #start(servers: OwnServers): Promise<TestMesh> {
    const rulesUrl = await testDatabase('rules')
    const ledgerUrl = await testDatabase('ledger')
    const ledger = await MeshProcess.create('ledger', { DATABASE_URL: ledgerUrl })
    const rules = await MeshProcess.create('rules', { DATABASE_URL: rulesUrl })
    await publishRuleSet(rulesUrl, await testRuleSet())
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
    const databaseUrl = servers.databaseUrl ?? (await testDatabase('intent'))
    const urls = { ledgerUrl, rulesUrl, databaseUrl, valkeyUrl: servers.valkeyUrl ?? (await testValkeyUrl()) }
    return new TestMesh(ledger, rules, urls, ledgerClient)
  }

  /** Starts an Intent; several share the database, as replicas do. */
  async startIntent(options: IntentOptions = {}): Promise<TestIntent> {
    const intent = await TestIntent.start(this, options)
    this.#intents.add(intent)
    return intent
  }

  /** Prepares an Intent in a process of its own; it is killed with the mesh at the latest. */
  async intentProcess(options: IntentProcessOptions = {}): Promise<IntentProcess> {
    const process = await IntentProcess.create(this, options)
    this.#intentProcesses.add(process)
    return process
  }

  async stop(): Promise<void> {
    if (!started.delete(this)) return
    for (const process of this.#intentProcesses) await process.kill()
    for (const intent of this.#intents) await intent.stop()
    this.#ledgerClient.close()
    await this.pool.end()
    await Promise.all([this.ledger.kill(), this.rules.kill()])
  }

  /** Publishes the rule set of the tests with something changed. Rules replicas take a moment to learn of it. */
  async publishRuleSet(change: object): Promise<void> {
    await publishRuleSet(this.rulesDatabaseUrl, { ...(await testRuleSet()), ...change })
  }

  /** What of a limit's window was used. */
  async limitUsage(window: LimitWindow): Promise<LimitUsage> {
    const { message } = await this.#ledgerClient.call(AccountServiceService.getLimitUsage, { window })
    return message.usage!
  }

  async freezeAccount(name: string): Promise<void> {
    await this.#ledgerClient.call(AccountServiceService.freezeAccount, { name })
  }

  async unfreezeAccount(name: string): Promise<void> {
    await this.#ledgerClient.call(AccountServiceService.unfreezeAccount, { name })
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

  /** Waits until every event has left; what a process that died was about to publish does not wait for its lease. */
  async allTold(): Promise<void> {
    await until(async () => {
      await this.pool.query('update outbox set publish_after = now() where publish_after > now()')
      return (await this.pool.query('select from outbox')).rowCount === 0
    }, 'every event has left')
  }

  /** Lets a minute pass for a payment that a provider carries out: what was submitted of it has arrived, or never will. */
  async passMinute(id: string): Promise<void> {
    await this.pool.query(
      `update intents set hold_expire_time = hold_expire_time - interval '1 minute',
         provider_ask_time = provider_ask_time - interval '1 minute',
         provider_submit_time = provider_submit_time - interval '1 minute' where id = $1`,
      [id],
    )
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
