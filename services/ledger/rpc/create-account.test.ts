import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { type Account, AccountKind, AccountState } from '../../../gen/paymesh/ledger/v1/account.js'
import { CreateAccountRequest } from '../../../gen/paymesh/ledger/v1/account_service.js'
import { fromUint128, uuidV5ToUint128 } from '../../runtime/ids.js'
import { AccountFlag } from '../state-machine/account.js'
import { TransferFlag } from '../state-machine/transfer.js'
import {
  accountEvent,
  assertFails,
  assertInvalid,
  makeNamedAccounts,
  TestLedger,
  transferEvent,
} from '../test/harness.js'

const WALLET = { assetCode: 'THB', kind: AccountKind.WALLET, owner: 'wallets/1', labels: { colour: 'blue' } }

describe('AccountService.CreateAccount', () => {
  let ledger: TestLedger
  let create: (
    accountId: string,
    account?: Parameters<typeof CreateAccountRequest.fromPartial>[0]['account'],
  ) => Promise<Account>
  before(async () => {
    ledger = await TestLedger.start()
    await makeNamedAccounts(ledger, ['THB', 'USD'], [])
    const service = await ledger.accounts()
    create = async (accountId, account) => {
      const request = CreateAccountRequest.fromPartial({ accountId, ...(account && { account }) })
      return (await service.createAccount(request)).account!
    }
  })
  after(() => ledger.stop())

  const different = (account: string, field: string) => ({
    reason: 'ACCOUNT_EXISTS_DIFFERENT',
    code: status.ALREADY_EXISTS,
    metadata: { account, field },
  })

  it('creates an account whose id follows from its name, and answers the same when asked again', async () => {
    const account = await create('wallet.a', WALLET)
    assert.equal(account.name, 'accounts/wallet.a')
    assert.equal(fromUint128(account.id), uuidV5ToUint128('paymesh', 'accounts/wallet.a'))
    assert.equal(account.state, AccountState.OPEN)
    assert.deepEqual(account.labels, { colour: 'blue' })
    assert.deepEqual(account.balances?.available, { assetCode: 'THB', minorUnits: 0n })
    assert.ok(account.createTime && account.createTime.seconds > 1_700_000_000n)
    assert.deepEqual(await create('wallet.a', WALLET), account)
  })

  it('is created once when asked many times at once', async () => {
    const accounts = await Promise.all(Array.from({ length: 20 }, () => create('wallet.busy', WALLET)))
    for (const account of accounts) assert.deepEqual(account, accounts[0])
  })

  it('gives each kind its limits', async () => {
    for (const kind of Object.values(AccountKind).filter((value) => value > 0)) {
      const { id } = await create(`kind.${kind}`, { assetCode: 'THB', kind })
      const [found] = await ledger.engine.lookupAccounts([fromUint128(id)])
      const limited = [
        AccountKind.WALLET,
        AccountKind.PEER,
        AccountKind.INVOICE,
        AccountKind.MANDATE,
        AccountKind.LIMIT,
      ]
      const recorded = [...limited.filter((one) => one !== AccountKind.LIMIT), AccountKind.MERCHANT]
      const limit = limited.some((one) => one === kind) ? AccountFlag.DEBITS_MUST_NOT_EXCEED_CREDITS : 0
      const flags = limit | (recorded.some((one) => one === kind) ? AccountFlag.HISTORY : 0)
      assert.deepEqual({ flags: found?.flags, code: found?.code }, { flags, code: kind })
    }
  })

  it('completes what was interrupted between the name and the account', async () => {
    const service = await ledger.accounts()
    await ledger.pool.query(`insert into named_accounts select 'accounts/wallet.half', $1, 'THB', 1, '', '{}'`, [
      uuidV5ToUint128('paymesh', 'accounts/wallet.half').toString(16).padStart(32, '0'),
    ])
    const missing = {
      reason: 'ACCOUNT_NOT_FOUND',
      code: status.NOT_FOUND,
      metadata: { account: 'accounts/wallet.half' },
    }
    await assertFails(service.getAccount({ name: 'accounts/wallet.half' }), missing)
    await create('wallet.half', { assetCode: 'THB', kind: AccountKind.WALLET })
    await service.getAccount({ name: 'accounts/wallet.half' })
  })

  it('answers an account that was closed since as it is', async () => {
    const { id } = await create('fees.closed', { assetCode: 'THB', kind: AccountKind.FEE })
    const other = await create('fees.other', { assetCode: 'THB', kind: AccountKind.FEE })
    const [account] = await ledger.engine.lookupAccounts([fromUint128(id)])
    const closing = transferEvent(1n, {
      debitAccountId: fromUint128(id),
      creditAccountId: fromUint128(other.id),
      amount: 0n,
      ledger: account!.ledger,
      flags: TransferFlag.PENDING | TransferFlag.CLOSING_DEBIT,
    })
    await ledger.engine.createTransfers([closing])
    const again = await create('fees.closed', { assetCode: 'THB', kind: AccountKind.FEE })
    assert.equal(again.state, AccountState.CLOSED)
  })

  it('refuses what is malformed, before it looks', async () => {
    await assertInvalid(create(''), 'account_id', 'account.asset_code', 'account.kind')
    const unknownAsset = { ...WALLET, assetCode: 'NOPE' }
    for (const id of ['', '.a', 'a/b', 'a b', 'ä', 'a'.repeat(129)]) {
      await assertInvalid(create(id, unknownAsset), 'account_id')
    }
    await assertInvalid(create('x', { ...WALLET, assetCode: '' }), 'account.asset_code')
    for (const kind of [0, 13, -1]) {
      await assertInvalid(create('x', { ...WALLET, kind: kind as AccountKind }), 'account.kind')
    }
    for (const owner of ['a'.repeat(256), 'nul\0'])
      await assertInvalid(create('x', { ...WALLET, owner }), 'account.owner')
    const many = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, '']))
    for (const labels of [many, { '': 'x' }, { ['k'.repeat(64)]: '' }, { k: 'v'.repeat(256) }, { k: '\0' }]) {
      await assertInvalid(create('x', { ...WALLET, labels }), 'account.labels')
    }
  })

  it('refuses an asset that is not defined', async () => {
    const wanted = { reason: 'ASSET_NOT_FOUND', code: status.NOT_FOUND, metadata: { asset_code: 'NOPE' } }
    await assertFails(create('wallet.a', { ...WALLET, assetCode: 'NOPE' }), wanted)
  })

  it('refuses other properties, and names the first', async () => {
    await create('wallet.b', WALLET)
    const name = 'accounts/wallet.b'
    const rest = { kind: AccountKind.FEE, owner: 'other', labels: {} }
    await assertFails(create('wallet.b', { ...rest, assetCode: 'USD' }), different(name, 'asset_code'))
    await assertFails(create('wallet.b', { ...rest, assetCode: 'THB' }), different(name, 'kind'))
    await assertFails(create('wallet.b', { ...WALLET, owner: 'other', labels: {} }), different(name, 'owner'))
    await assertFails(create('wallet.b', { ...WALLET, labels: {} }), different(name, 'labels'))
    await assertFails(create('wallet.b', { ...WALLET, labels: { colour: 'red' } }), different(name, 'labels'))
  })

  it('refuses a name whose id somebody took for something else', async () => {
    const id = uuidV5ToUint128('paymesh', 'accounts/taken')
    await ledger.engine.createAccounts([accountEvent(id, { ledger: 77 })])
    await assertFails(create('taken', WALLET), different('accounts/taken', 'asset_code'))
  })
})
