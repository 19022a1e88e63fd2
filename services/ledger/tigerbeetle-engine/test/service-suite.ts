import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { status } from '@grpc/grpc-js'
import { ProcessBook } from '../../../../dev/process-book.js'
import {
  type TestTigerBeetle,
  testCertificates,
  testDatabase,
  testFolder,
  testTigerBeetle,
} from '../../../../dev/testing.js'
import { AccountKind } from '../../../../gen/paymesh/ledger/v1/account.js'
import {
  AccountServiceService,
  CreateAccountRequest,
  ListAccountsRequest,
  PostChainRequest,
} from '../../../../gen/paymesh/ledger/v1/account_service.js'
import { Asset } from '../../../../gen/paymesh/ledger/v1/asset.js'
import { LedgerAdminServiceService } from '../../../../gen/paymesh/ledger/v1/ledger_admin_service.js'
import { type PeerName } from '../../../runtime/call.js'
import { type Client, createClient } from '../../../runtime/client.js'
import { createPool } from '../../../runtime/postgres.js'
import { assertFails, eventually } from '../../test/harness.js'
import { type LedgerProcess, startLedgerProcess } from '../../test/ledger-process.js'

describe('a ledger process on TigerBeetle', function () {
  this.timeout(60_000)
  let url: string
  let cluster: TestTigerBeetle
  let ledger: LedgerProcess
  let accounts: Client<typeof AccountServiceService>
  const folder = testFolder()
  const book = new ProcessBook(join(folder, 'processes.json'))
  before(async () => {
    url = await testDatabase('ledger')
    cluster = await testTigerBeetle()
    await start()
    const admin = createClient(LedgerAdminServiceService, await clientOptions('operator'))
    await admin.createAsset({ asset: Asset.fromPartial({ assetCode: 'THB', scale: 2 }) })
    admin.close()
    const kinds = { bank: AccountKind.SETTLEMENT, alice: AccountKind.WALLET, bob: AccountKind.WALLET }
    for (const [accountId, kind] of Object.entries(kinds)) {
      const account = { assetCode: 'THB', kind }
      await accounts.createAccount(CreateAccountRequest.fromPartial({ accountId, account }))
    }
  })
  after(async () => {
    await stop()
    await cluster.stop()
  })

  async function start(): Promise<void> {
    const environment = { LEDGER_ENGINE: 'tigerbeetle', TIGERBEETLE_ADDRESSES: cluster.address }
    const tls = (await testCertificates()).of('ledger')
    ledger = await startLedgerProcess({ databaseUrl: url, tls, book, folder, environment })
    await eventually(() => ledger.isWriter(), 'the process is ready')
    accounts = createClient(AccountServiceService, await clientOptions('intent'))
  }

  async function stop(): Promise<void> {
    accounts.close()
    assert.equal((await ledger.process.stop()).code, 0)
  }

  async function clientOptions(peer: PeerName) {
    const tls = (await testCertificates()).of(peer)
    const serviceConfig = 'proto/paymesh/ledger/v1/ledger_service_config.json'
    return { address: ledger.address, peer: 'ledger' as const, tls, serviceConfig }
  }

  function pay(from: string, to: string, minorUnits: bigint, requestId: string = randomUUID()) {
    const [debitAccount, creditAccount] = [`accounts/${from}`, `accounts/${to}`]
    const legs = [{ debitAccount, creditAccount, amount: { assetCode: 'THB', minorUnits }, code: 1 }]
    return accounts.postChain(PostChainRequest.fromPartial({ requestId, legs }))
  }

  async function posted(name: string): Promise<bigint | undefined> {
    return (await accounts.getAccount({ name: `accounts/${name}` })).account?.balances?.posted?.minorUnits
  }

  it('posts a chain once, and shows balances of now', async () => {
    const requestId = randomUUID()
    const first = await pay('bank', 'alice', 500n, requestId)
    const again = await pay('bank', 'alice', 500n, requestId)
    assert.deepEqual(again.transfers, first.transfers)
    assert.deepEqual(first.accountsReadLater, ['accounts/bank'], 'it keeps no history')
    assert.deepEqual([...again.accountsReadLater].sort(), ['accounts/alice', 'accounts/bank'])
    assert.equal(await posted('alice'), 500n)
    const list = await accounts.listAccounts(ListAccountsRequest.fromPartial({}))
    assert.deepEqual(
      list.accounts.map(({ name, balances }) => [name, balances?.posted?.minorUnits]),
      [
        ['accounts/bank', -500n],
        ['accounts/alice', 500n],
        ['accounts/bob', 0n],
      ],
    )
  })

  it('refuses a chain for ever as the first time, also after a restart, and without a note at least for ever', async () => {
    const requestId = randomUUID()
    const account = 'accounts/bob'
    const code = status.FAILED_PRECONDITION
    const insufficient = { reason: 'INSUFFICIENT_FUNDS', code, metadata: { leg: '0', account } }
    await assertFails(pay('bob', 'alice', 10n, requestId), insufficient)
    await pay('bank', 'bob', 100n)
    await assertFails(pay('bob', 'alice', 10n, requestId), insufficient)
    await assertFails(pay('bob', 'alice', 11n, requestId), {
      reason: 'REQUEST_ID_REUSED',
      code: status.ALREADY_EXISTS,
      metadata: { request_id: requestId },
    })
    await stop()
    await start()
    await assertFails(pay('bob', 'alice', 10n, requestId), insufficient)

    await stop()
    const pool = createPool({ url, max: 1, applicationName: 'ledger-test' })
    await pool.query('delete from failed_transfers')
    await pool.end()
    await start()
    const refused = { reason: 'CHAIN_REFUSED', code, metadata: { leg: '0', status: 'id_already_failed' } }
    await assertFails(pay('bob', 'alice', 10n, requestId), refused)
    assert.equal(await posted('bob'), 100n)
  })
})
