import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { type Account, AccountKind, AccountState } from '../../../gen/paymesh/ledger/v1/account.js'
import {
  type AccountServiceService,
  CreateAccountRequest,
  Leg,
  ListAccountsRequest,
  PostChainRequest,
  UpdateAccountRequest,
} from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Client } from '../../runtime/client.js'
import { fromUint128 } from '../../runtime/ids.js'
import { type Lifecycle } from '../account-lifecycle.js'
import { TransferFlag } from '../state-machine/transfer.js'
import { assertFails, assertInvalid, makeNamedAccounts, TestLedger, transferEvent } from '../test/harness.js'
import { verifyBooks } from '../test/verify.js'

describe('the lifecycle of accounts', () => {
  let ledger: TestLedger
  let service: Client<typeof AccountServiceService>
  let count = 0
  before(async () => {
    ledger = await TestLedger.start()
    service = await ledger.accounts()
    await makeNamedAccounts(ledger, ['THB', 'USD'], [{ id: 'bank', asset: 'THB', kind: AccountKind.SETTLEMENT }])
  })
  afterEach(() => verifyBooks(ledger.pool))
  after(() => ledger.stop())

  type Fields = NonNullable<Parameters<typeof CreateAccountRequest.fromPartial>[0]['account']>
  const request = (accountId: string, fields: Fields) =>
    CreateAccountRequest.fromPartial({ accountId, account: { assetCode: 'THB', kind: AccountKind.WALLET, ...fields } })
  async function make(fields: Fields = {}): Promise<string> {
    const { account } = await service.createAccount(request(`a.${++count}`, fields))
    return account!.name
  }
  const get = async (name: string): Promise<Account> => (await service.getAccount({ name })).account!
  const stateOf = async (name: string) => (await get(name)).state
  const freeze = async (name: string) => (await service.freezeAccount({ name })).account!.state
  const unfreeze = async (name: string) => (await service.unfreezeAccount({ name })).account!.state
  const close = async (name: string) => (await service.closeAccount({ name })).account!.state
  const move = (debitAccount: string, creditAccount: string, minorUnits: bigint, held = false) => {
    const legs = [Leg.fromPartial({ debitAccount, creditAccount, amount: { assetCode: 'THB', minorUnits }, code: 1 })]
    const hold = held ? { hold: { timeoutSeconds: 0 } } : {}
    return service.postChain(PostChainRequest.fromPartial({ requestId: randomUUID(), legs, ...hold }))
  }
  const fund = (name: string, minorUnits = 1n) => move('accounts/bank', name, minorUnits)
  const refusedLeg = (status_: string) => ({
    reason: 'CHAIN_REFUSED',
    code: status.FAILED_PRECONDITION,
    metadata: { leg: '0', status: status_ },
  })
  const fails = (reason: string, account: string, code = status.FAILED_PRECONDITION) => ({
    reason,
    code,
    metadata: { account },
  })
  /** A process that died after it wrote the row. */
  const row = (name: string, lifecycle: Lifecycle, generation: number) =>
    ledger.pool.query('update named_accounts set lifecycle = $2, generation = $3 where name = $1', [
      name,
      lifecycle,
      generation,
    ])

  describe('FreezeAccount and UnfreezeAccount', () => {
    it('stop transfers and let them pass, again and again', async () => {
      const name = await make()
      await fund(name, 10n)
      for (let round = 0; round < 3; round++) {
        assert.equal(await freeze(name), AccountState.FROZEN)
        assert.equal(await freeze(name), AccountState.FROZEN)
        await assertFails(move(name, 'accounts/bank', 1n), refusedLeg('debit_account_already_closed'))
        await assertFails(fund(name), refusedLeg('credit_account_already_closed'))
        assert.equal(await unfreeze(name), AccountState.OPEN)
        assert.equal(await unfreeze(name), AccountState.OPEN)
        await move(name, 'accounts/bank', 1n)
      }
      assert.equal((await get(name)).balances?.posted?.minorUnits, 7n)
    })

    it('let a hold of a frozen account be voided, and say that the account is frozen', async () => {
      const name = await make()
      await fund(name, 5n)
      const { hold } = await move(name, 'accounts/bank', 5n, true)
      await freeze(name)
      const requestId = randomUUID()
      const failure = refusedLeg('debit_account_already_closed')
      await assertFails(service.postHold({ requestId, hold, amounts: [] }), failure)
      const { accounts } = await service.voidHold({ requestId: randomUUID(), hold })
      assert.equal(accounts.find((account) => account.name === name)?.state, AccountState.FROZEN)
      assert.equal((await get(name)).balances?.available?.minorUnits, 5n)
    })

    it('come to rest in one state when they arrive at once', async () => {
      const name = await make()
      for (let round = 0; round < 3; round++) {
        const calls = Array.from({ length: 24 }, (_, index) => (index % 2 === 0 ? freeze(name) : unfreeze(name)))
        await Promise.all(calls)
        assert.equal(await unfreeze(name), AccountState.OPEN)
        await fund(name)
        assert.equal(await freeze(name), AccountState.FROZEN)
      }
    })

    it('finish what a process that died had begun', async () => {
      const frozen = await make()
      await row(frozen, 'FROZEN', 1)
      assert.equal(await stateOf(frozen), AccountState.OPEN)
      await fund(frozen)
      assert.equal(await freeze(frozen), AccountState.FROZEN)
      await row(frozen, 'OPEN', 1)
      assert.equal(await stateOf(frozen), AccountState.FROZEN)
      assert.equal(await unfreeze(frozen), AccountState.OPEN)
      await fund(frozen)

      const neverShut = await make()
      await row(neverShut, 'OPEN', 1)
      assert.equal(await freeze(neverShut), AccountState.FROZEN)
      assert.equal(await unfreeze(neverShut), AccountState.OPEN)
      const { rows } = await ledger.pool.query('select generation from named_accounts where name = $1', [neverShut])
      assert.deepEqual(rows, [{ generation: 2 }])

      const wished = await make()
      await row(wished, 'FROZEN', 1)
      assert.equal(await unfreeze(wished), AccountState.OPEN)
      await fund(wished)
    })

    it('leave alone what a transfer of somebody else closed', async () => {
      const name = await make()
      const account = await get(name)
      const bank = await get('accounts/bank')
      const closing = transferEvent(BigInt(900 + count), {
        debitAccountId: fromUint128(account.id),
        creditAccountId: fromUint128(bank.id),
        amount: 0n,
      })
      const flags = TransferFlag.PENDING | TransferFlag.CLOSING_DEBIT
      await ledger.engine.createTransfers([{ ...closing, flags }])
      assert.equal(await stateOf(name), AccountState.CLOSED)
      await assertFails(service.unfreezeAccount({ name }), fails('ACCOUNT_CLOSED', name))
      for (let round = 0; round < 2; round++) {
        await assertFails(service.freezeAccount({ name }), fails('ACCOUNT_CLOSED', name))
        await assertFails(service.closeAccount({ name }), fails('ACCOUNT_CLOSED', name))
      }
      const reopening = { id: closing.id + 50n, pendingId: closing.id, flags: TransferFlag.VOID_PENDING_TRANSFER }
      await ledger.engine.createTransfers([{ ...closing, ...reopening }])
      assert.equal(await unfreeze(name), AccountState.OPEN)
      assert.equal(await freeze(name), AccountState.FROZEN)
    })
  })

  describe('CloseAccount', () => {
    it('closes an empty account for ever, open or frozen', async () => {
      for (const before of [() => Promise.resolve(0), freeze]) {
        const name = await make()
        await fund(name, 3n)
        await move(name, 'accounts/bank', 3n)
        await before(name)
        assert.equal(await close(name), AccountState.CLOSED)
        assert.equal(await close(name), AccountState.CLOSED)
        await assertFails(fund(name), refusedLeg('credit_account_already_closed'))
        for (const call of [service.freezeAccount({ name }), service.unfreezeAccount({ name })]) {
          await assertFails(call, fails('ACCOUNT_CLOSED', name))
        }
      }
    })

    it('refuses an account with money, with a hold on either side, or with an account under it', async () => {
      const rich = await make()
      await fund(rich)
      const held = await make()
      await fund(held, 2n)
      await move(held, 'accounts/bank', 2n, true)
      const expecting = await make()
      await move('accounts/bank', expecting, 2n, true)
      const parent = await make()
      const child = await make({ parent })
      for (const name of [rich, held, expecting, parent]) {
        await assertFails(service.closeAccount({ name }), fails('ACCOUNT_NOT_EMPTY', name))
        assert.equal(await stateOf(name), AccountState.OPEN)
      }
      await freeze(rich)
      await assertFails(service.closeAccount({ name: rich }), fails('ACCOUNT_NOT_EMPTY', rich))
      assert.equal(await stateOf(rich), AccountState.FROZEN)
      assert.equal(await close(child), AccountState.CLOSED)
      assert.equal(await close(parent), AccountState.CLOSED)
    })

    it('finishes what a process that died had begun, or takes it back when money came', async () => {
      const calls = [
        { call: close, empty: AccountState.CLOSED },
        { call: freeze, empty: 'ACCOUNT_CLOSED' },
        { call: unfreeze, empty: 'ACCOUNT_CLOSED' },
      ]
      for (const { call, empty } of calls) {
        const name = await make()
        await row(name, 'CLOSING', 1)
        if (typeof empty === 'string') await assertFails(call(name), fails(empty, name))
        else assert.equal(await call(name), empty)
        assert.equal(await stateOf(name), AccountState.CLOSED)

        const paid = await make()
        await fund(paid)
        await row(paid, 'CLOSING', 1)
        if (call === close) await assertFails(call(paid), fails('ACCOUNT_NOT_EMPTY', paid))
        else assert.equal(await call(paid), call === freeze ? AccountState.FROZEN : AccountState.OPEN)
        await unfreeze(paid)
        await move(paid, 'accounts/bank', 1n)
        assert.equal(await close(paid), AccountState.CLOSED)
      }
      const frozen = await make()
      await fund(frozen)
      await freeze(frozen)
      await row(frozen, 'CLOSING_FROZEN', 1)
      await assertFails(service.closeAccount({ name: frozen }), fails('ACCOUNT_NOT_EMPTY', frozen))
      assert.equal(await stateOf(frozen), AccountState.FROZEN)
    })

    it('never closes over money, whatever arrives at once', async () => {
      for (let round = 0; round < 6; round++) {
        const name = await make()
        const calls = [
          ...Array.from({ length: 4 }, () => service.closeAccount({ name })),
          ...Array.from({ length: 4 }, () => fund(name)),
          service.freezeAccount({ name }),
          service.unfreezeAccount({ name }),
          ...Array.from({ length: 4 }, () => service.createAccount(request(`a.${++count}`, { parent: name }))),
        ]
        const answers = await Promise.allSettled(calls)
        const { state, balances } = await get(name)
        const children = answers.slice(-4).filter((answer) => answer.status === 'fulfilled').length
        if (state === AccountState.CLOSED) {
          assert.equal(balances?.posted?.minorUnits, 0n)
          assert.equal(children, 0)
        } else {
          await unfreeze(name)
          await fund(name)
        }
      }
    })

    it('has no account made under one that is closing or closed', async () => {
      for (const lifecycle of ['CLOSING', 'CLOSING_FROZEN', 'CLOSED'] as const) {
        const parent = await make()
        await row(parent, lifecycle, 1)
        await assertFails(make({ parent }), fails('ACCOUNT_CLOSED', parent))
      }
    })
  })

  it('names in this order a malformed name, an account that does not exist, and one that is closed', async () => {
    const closed = await make()
    await close(closed)
    for (const call of [freeze, unfreeze, close]) {
      await assertInvalid(call('nonsense'), 'name')
      await assertFails(call('accounts/nobody'), fails('ACCOUNT_NOT_FOUND', 'accounts/nobody', status.NOT_FOUND))
      if (call !== close) await assertFails(call(closed), fails('ACCOUNT_CLOSED', closed))
    }
  })

  describe('parents', () => {
    it('lie at most seven levels above, and are listed with what is under them', async () => {
      const names = [await make()]
      while (names.length < 8) names.push(await make({ parent: names.at(-1)! }))
      await assertInvalid(make({ parent: names.at(-1)! }), 'account.parent')
      const listed = await service.listAccounts(ListAccountsRequest.fromPartial({ parent: names[2]! }))
      assert.deepEqual(
        listed.accounts.map(({ name, parent }) => [name, parent]),
        [[names[3], names[2]]],
      )
      await assertInvalid(service.listAccounts(ListAccountsRequest.fromPartial({ parent: 'x' })), 'parent')
    })

    it('must exist, be of the same asset, and stay the same', async () => {
      const [parent, other] = [await make(), await make()]
      await assertInvalid(make({ parent: 'nonsense' }), 'account.parent')
      await assertInvalid(service.createAccount(request('self', { parent: 'accounts/self' })), 'account.parent')
      const missing = fails('ACCOUNT_NOT_FOUND', 'accounts/nobody', status.NOT_FOUND)
      await assertFails(make({ parent: 'accounts/nobody' }), missing)
      await assertInvalid(make({ parent, assetCode: 'USD' }), 'account.parent')
      await service.createAccount(request('child', { parent }))
      await service.createAccount(request('child', { parent }))
      await assertFails(service.createAccount(request('child', { parent: other })), {
        reason: 'ACCOUNT_EXISTS_DIFFERENT',
        code: status.ALREADY_EXISTS,
        metadata: { account: 'accounts/child', field: 'parent' },
      })
    })
  })

  describe('UpdateAccount', () => {
    const update = async (name: string, labels: Record<string, string>, etag = '', updateMask?: string[]) => {
      const wanted = UpdateAccountRequest.fromPartial({ account: { name, labels, etag } })
      return (await service.updateAccount({ ...wanted, updateMask })).account!
    }
    const mismatch = (account: string) => fails('ETAG_MISMATCH', account, status.ABORTED)

    it('changes the labels and nothing else, and the creation can still be repeated', async () => {
      const wanted = request('labelled', { labels: { a: '1' } })
      const { account } = await service.createAccount(wanted)
      const changed = await update(account!.name, { b: '2' })
      assert.deepEqual(changed, { ...account!, labels: { b: '2' }, etag: changed.etag })
      assert.notEqual(changed.etag, account!.etag)
      assert.deepEqual((await service.createAccount(wanted)).account, changed)
      assert.deepEqual(await update(account!.name, { c: '3' }, '', ['etag']), changed)
      const cleared = await update(account!.name, {}, changed.etag, ['labels'])
      assert.deepEqual(cleared.labels, {})
    })

    it('lets one of many win that read the same', async () => {
      const name = await make()
      const { etag } = await get(name)
      const answers = await Promise.allSettled(
        Array.from({ length: 20 }, (_, index) => update(name, { winner: String(index) }, etag)),
      )
      const won = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
      assert.equal(won.length, 1)
      assert.deepEqual(await get(name), won[0])
    })

    it('names in this order what is malformed, an account that does not exist, and an etag of before', async () => {
      const name = await make()
      const { etag } = await get(name)
      await assertInvalid(update('x', { '': '' }, 'old', ['owner']), 'account.name', 'account.labels', 'update_mask')
      const nobody = 'accounts/nobody'
      await assertFails(update(nobody, {}, 'old'), fails('ACCOUNT_NOT_FOUND', nobody, status.NOT_FOUND))
      await assertFails(update(name, {}, 'old'), mismatch(name))
      await freeze(name)
      await assertFails(update(name, {}, etag), mismatch(name))
    })
  })
})
