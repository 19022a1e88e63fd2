import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { AccountKind } from '../../../gen/paymesh/ledger/v1/account.js'
import { type Money } from '../../../gen/paymesh/money/v1/money.js'
import { fromUint128 } from '../../runtime/ids.js'
import { TransferFlag } from '../state-machine/transfer.js'
import { U128_MAX } from '../state-machine/u128.js'
import { assertFails, assertInvalid, makeNamedAccounts, TestLedger, transferEvent } from '../test/harness.js'

describe('AccountService.GetAccount', () => {
  let ledger: TestLedger
  before(async () => {
    ledger = await TestLedger.start()
    await makeNamedAccounts(
      ledger,
      ['THB'],
      ['a', 'b', 'c', 'd'].map((id) => ({ id, asset: 'THB', kind: AccountKind.SETTLEMENT })),
    )
  })
  after(() => ledger.stop())

  async function get(name: string) {
    return (await (await ledger.accounts()).getAccount({ name })).account!
  }

  async function move(debit: string, credit: string, id: bigint, amount: bigint, flags = 0) {
    const [debitAccountId, creditAccountId] = [fromUint128((await get(debit)).id), fromUint128((await get(credit)).id)]
    const [account] = await ledger.engine.lookupAccounts([debitAccountId])
    const event = transferEvent(id, { debitAccountId, creditAccountId, amount, flags, ledger: account!.ledger })
    await ledger.engine.createTransfers([event])
  }

  it('shows the four counters and what follows from them', async () => {
    await move('accounts/a', 'accounts/b', 1n, 100n)
    await move('accounts/b', 'accounts/a', 2n, 30n)
    await move('accounts/b', 'accounts/a', 3n, 20n, TransferFlag.PENDING)
    const { balances } = await get('accounts/b')
    const amount = (money: Money | undefined) => money?.minorUnits
    const { debitsPosted, creditsPosted, debitsPending, creditsPending, posted, available } = balances!
    assert.deepEqual([debitsPosted, creditsPosted, debitsPending, creditsPending].map(amount), [30n, 100n, 20n, 0n])
    assert.deepEqual([posted, available].map(amount), [70n, 50n])
    assert.equal((await get('accounts/a')).balances?.posted?.minorUnits, -70n)
  })

  it('leaves out an amount beyond int64, and shows what fits', async () => {
    await move('accounts/c', 'accounts/d', 10n, U128_MAX - 5n)
    await move('accounts/d', 'accounts/c', 11n, U128_MAX - 9n)
    const { balances } = await get('accounts/d')
    assert.equal(balances?.creditsPosted, undefined)
    assert.equal(balances?.debitsPosted, undefined)
    assert.equal(balances?.posted?.minorUnits, 4n)
  })

  it('refuses what is no name, and names what is not there', async () => {
    for (const name of ['', 'a', 'accounts/', 'accounts/a/b', 'wallets/a']) await assertInvalid(get(name), 'name')
    const metadata = { account: 'accounts/nobody' }
    await assertFails(get('accounts/nobody'), { reason: 'ACCOUNT_NOT_FOUND', code: status.NOT_FOUND, metadata })
  })
})
