import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { type Account, AccountKind } from '../../../gen/paymesh/ledger/v1/account.js'
import {
  type AccountServiceService,
  Leg,
  PostChainRequest,
  PostHoldRequest,
} from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type Client } from '../../runtime/client.js'
import { fromUint128, toUint128 } from '../../runtime/ids.js'
import { TransferFlag } from '../state-machine/transfer.js'
import {
  assertFails,
  assertInvalid,
  eventually,
  makeNamedAccounts,
  TestLedger,
  transferEvent,
} from '../test/harness.js'
import { verifyBooks } from '../test/verify.js'

const leg = (debit: string, credit: string, minorUnits: bigint): Leg =>
  Leg.fromPartial({
    debitAccount: `accounts/${debit}`,
    creditAccount: `accounts/${credit}`,
    amount: { assetCode: 'THB', minorUnits },
    code: 1,
  })
const thb = (minorUnits: bigint) => ({ assetCode: 'THB', minorUnits })

describe('holds of AccountService', () => {
  let ledger: TestLedger
  let service: Client<typeof AccountServiceService>
  let connector: Client<typeof AccountServiceService>
  before(async () => {
    ledger = await TestLedger.start()
    service = await ledger.accounts()
    connector = await ledger.accounts('connector')
    await makeNamedAccounts(
      ledger,
      ['THB', 'USD'],
      [
        { id: 'bank', asset: 'THB', kind: AccountKind.SETTLEMENT },
        // These chains leave money there, which the books allow of no account of kind TRANSIT.
        { id: 'transit', asset: 'THB', kind: AccountKind.SUSPENSE },
        ...['payer', 'payee'].map((id) => ({ id, asset: 'THB', kind: AccountKind.WALLET })),
      ],
    )
    await service.postChain(
      PostChainRequest.fromPartial({ requestId: randomUUID(), legs: [leg('bank', 'payer', 100_000n)] }),
    )
  })
  afterEach(() => verifyBooks(ledger.pool))
  after(() => ledger.stop())

  const TWO_LEGS = [leg('payer', 'transit', 110n), leg('transit', 'payee', 100n)]

  async function holdLegs(legs: Leg[] = TWO_LEGS, timeoutSeconds = 0, requestId: string = randomUUID()) {
    const subject = toUint128(77n)
    const request = PostChainRequest.fromPartial({ requestId, legs, subject, hold: { timeoutSeconds } })
    return (await service.postChain(request)).hold
  }

  const post = (hold: string, amounts: bigint[] = [], requestId: string = randomUUID()) =>
    service.postHold(PostHoldRequest.fromPartial({ requestId, hold, amounts: amounts.map(thb) }))
  const release = (hold: string, requestId: string = randomUUID()) => service.voidHold({ requestId, hold })

  async function payer() {
    const { balances } = (await service.getAccount({ name: 'accounts/payer' })).account!
    return {
      posted: balances!.posted!.minorUnits!,
      held: balances!.debitsPending!.minorUnits!,
      available: balances!.available!.minorUnits!,
    }
  }

  const balanceOf = (accounts: readonly Account[], name: string) =>
    accounts.find((account) => account.name === `accounts/${name}`)?.balances
  const refused = (reason: string, hold: string, more: Record<string, string> = {}) => ({
    reason,
    code: reason === 'HOLD_NOT_FOUND' ? status.NOT_FOUND : status.FAILED_PRECONDITION,
    metadata: { hold, ...more },
  })
  const reused = (requestId: string) => ({
    reason: 'REQUEST_ID_REUSED',
    code: status.ALREADY_EXISTS,
    metadata: { request_id: requestId },
  })

  describe('PostChain with a hold', () => {
    it('sets the money aside and answers the same again', async () => {
      const [before, requestId] = [await payer(), randomUUID()]
      const request = PostChainRequest.fromPartial({ requestId, legs: TWO_LEGS, hold: { timeoutSeconds: 60 } })
      const first = await service.postChain(request)
      assert.equal(first.hold, `holds/${requestId}`)
      assert.equal(balanceOf(first.accounts, 'payer')?.debitsPending?.minorUnits, before.held + 110n)
      const again = await service.postChain(request)
      assert.deepEqual([again.hold, again.transfers], [first.hold, first.transfers])
      const now = await payer()
      assert.deepEqual(now, { ...before, held: before.held + 110n, available: before.available - 110n })
      await release(first.hold)
      assert.deepEqual(await payer(), before)
    })

    it('is another chain without the hold, or with other terms', async () => {
      const requestId = randomUUID()
      const hold = await holdLegs(TWO_LEGS, 60, requestId)
      for (const terms of [undefined, { timeoutSeconds: 61 }, { timeoutSeconds: 0 }]) {
        const request = PostChainRequest.fromPartial({ requestId, legs: TWO_LEGS, subject: toUint128(77n) })
        await assertFails(service.postChain({ ...request, hold: terms }), reused(requestId))
      }
      await release(hold)
    })

    it('holds no more than there is', async () => {
      const metadata = { leg: '0', account: 'accounts/payer' }
      await assertFails(holdLegs([leg('payer', 'transit', (await payer()).available + 1n)]), {
        reason: 'INSUFFICIENT_FUNDS',
        code: status.FAILED_PRECONDITION,
        metadata,
      })
    })

    it('creates accounts on first use, once, and keeps them when the chain is refused', async () => {
      const requestId = randomUUID()
      const accounts = ['new.a', 'new.b'].map((accountId) => ({
        accountId,
        account: { assetCode: 'THB', kind: AccountKind.WALLET, owner: `wallets/${accountId}` },
      }))
      const request = PostChainRequest.fromPartial({
        requestId,
        legs: [leg('payer', 'new.a', 5n), leg('new.a', 'new.b', 2n)],
        accounts,
      })
      const answers = await Promise.all(Array.from({ length: 20 }, () => service.postChain(request)))
      for (const { transfers } of answers) assert.deepEqual(transfers, answers[0]?.transfers)
      assert.equal(balanceOf((await service.postChain(request)).accounts, 'new.a')?.posted?.minorUnits, 3n)
      const poor = PostChainRequest.fromPartial({
        requestId: randomUUID(),
        legs: [leg('new.c', 'bank', 1n)],
        accounts: [{ accountId: 'new.c', account: { assetCode: 'THB', kind: AccountKind.WALLET } }],
      })
      const metadata = { leg: '0', account: 'accounts/new.c' }
      const failure = { reason: 'INSUFFICIENT_FUNDS', code: status.FAILED_PRECONDITION, metadata }
      await assertFails(service.postChain(poor), failure)
      await service.getAccount({ name: 'accounts/new.c' })
    })

    it('refuses accounts that are malformed, of no asset, or there with other properties', async () => {
      const chain = (accounts: NonNullable<Parameters<typeof PostChainRequest.fromPartial>[0]['accounts']>) =>
        service.postChain(PostChainRequest.fromPartial({ requestId: randomUUID(), legs: TWO_LEGS, accounts }))
      await assertInvalid(
        chain([{ accountId: '/', account: { assetCode: '' } }]),
        'accounts[0].account_id',
        'accounts[0].account.asset_code',
        'accounts[0].account.kind',
      )
      const fine = { accountId: 'payer', account: { assetCode: 'THB', kind: AccountKind.WALLET } }
      await assertInvalid(chain(Array.from({ length: 17 }, () => fine)), 'accounts')
      await assertFails(chain([{ ...fine, account: { ...fine.account, assetCode: 'NOPE' } }]), {
        reason: 'ASSET_NOT_FOUND',
        code: status.NOT_FOUND,
        metadata: { asset_code: 'NOPE' },
      })
      await assertFails(chain([{ ...fine, account: { ...fine.account, owner: 'wallets/other' } }]), {
        reason: 'ACCOUNT_EXISTS_DIFFERENT',
        code: status.ALREADY_EXISTS,
        metadata: { account: 'accounts/payer', field: 'owner' },
      })
    })
  })

  describe('PostHold', () => {
    it('posts all of every leg, about what the hold was about', async () => {
      const before = await payer()
      const { transfers, accounts } = await post(await holdLegs())
      assert.deepEqual(
        transfers.map(({ amount, userData128 }) => [fromUint128(amount), fromUint128(userData128)]),
        [
          [110n, 0n],
          [100n, 0n],
        ].map(([amount]) => [amount, 77n]),
      )
      assert.equal(balanceOf(accounts, 'payer')?.posted?.minorUnits, before.posted - 110n)
      assert.deepEqual(await payer(), {
        posted: before.posted - 110n,
        held: before.held,
        available: before.available - 110n,
      })
    })

    it('posts a part of one leg and nothing of another, and releases the rest', async () => {
      const before = await payer()
      await post(await holdLegs([leg('payer', 'transit', 110n), leg('payer', 'payee', 50n)]), [10n, 0n])
      assert.deepEqual(await payer(), {
        posted: before.posted - 10n,
        held: before.held,
        available: before.available - 10n,
      })
    })

    it('posts a hold of 253 legs', async () => {
      const before = await payer()
      const { transfers } = await post(await holdLegs(Array.from({ length: 253 }, () => leg('payer', 'payee', 1n))))
      assert.equal(transfers.length, 253)
      assert.equal((await payer()).posted, before.posted - 253n)
    })

    it('answers the same again, also when all is asked for leg by leg', async () => {
      const [hold, requestId] = [await holdLegs(), randomUUID()]
      const first = await post(hold, [], requestId)
      const posted = await payer()
      for (const amounts of [[], [110n, 100n]]) {
        const again = await post(hold, amounts, requestId.toUpperCase())
        assert.deepEqual(again.transfers, first.transfers)
        assert.equal(again.accountsReadLater.length, again.accounts.length)
      }
      assert.deepEqual(first.accountsReadLater, [])
      assert.deepEqual(await payer(), posted)
    })

    it('posts once when it arrives fifty times at once, under one request id or under many', async () => {
      const before = await payer()
      const [hold, requestId] = [await holdLegs(), randomUUID()]
      const answers = await Promise.all(Array.from({ length: 50 }, () => post(hold, [], requestId)))
      for (const { transfers } of answers) assert.deepEqual(transfers, answers[0]?.transfers)
      assert.equal((await payer()).posted, before.posted - 110n)

      const other = await holdLegs()
      const many = await Promise.allSettled(
        Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? post(other) : release(other))),
      )
      assert.equal(many.filter((answer) => answer.status === 'fulfilled').length, 1)
      assert.equal((await payer()).held, before.held)
    })

    it('refuses what is malformed', async () => {
      const hold = await holdLegs()
      await assertInvalid(post('holds/1', [-1n], 'x'), 'request_id', 'hold', 'amounts[0].minor_units')
      await assertInvalid(post(`chains/${randomUUID()}`), 'hold')
      await assertInvalid(post(hold, [], hold.slice('holds/'.length)), 'request_id')
      await assertInvalid(post(hold, [1n]), 'amounts')
      await assertInvalid(post(hold, [1n, 1n, 1n]), 'amounts')
      const dollars = [thb(1n), { assetCode: 'USD', minorUnits: 1n }]
      await assertInvalid(
        service.postHold({ requestId: randomUUID(), hold, amounts: dollars }),
        'amounts[1].asset_code',
      )
      await release(hold)
    })

    it('names in this order an unknown hold, a used request id, too much, and a hold that is resolved', async () => {
      const used = randomUUID()
      await release(await holdLegs(), used)
      const hold = await holdLegs()
      await post(hold)
      const nobody = `holds/${randomUUID()}`
      await assertFails(post(nobody, [1n], used), refused('HOLD_NOT_FOUND', nobody))
      await assertFails(post(hold, [111n, 1n], used), reused(used))
      await assertFails(post(hold, [111n, 100n]), refused('HOLD_EXCEEDED', hold, { leg: '0' }))
      await assertFails(post(hold, [1n, 1n]), refused('HOLD_ALREADY_POSTED', hold))
    })

    it('refuses another resolution under a used request id: other amounts, another hold, a void, a chain', async () => {
      const [requestId, hold, other] = [randomUUID(), await holdLegs(), await holdLegs()]
      await post(hold, [], requestId)
      await assertFails(post(hold, [110n, 99n], requestId), reused(requestId))
      await assertFails(post(other, [], requestId), reused(requestId))
      await assertFails(release(hold, requestId), reused(requestId))
      const chain = PostChainRequest.fromPartial({ requestId, legs: TWO_LEGS })
      await assertFails(service.postChain(chain), reused(requestId))
      await release(other)
    })

    it('knows a hold only as its own caller, and moved money is no hold', async () => {
      const hold = await holdLegs()
      await assertFails(
        connector.postHold({ requestId: randomUUID(), hold, amounts: [] }),
        refused('HOLD_NOT_FOUND', hold),
      )
      await release(hold)
      const requestId = randomUUID()
      await service.postChain(PostChainRequest.fromPartial({ requestId, legs: [leg('bank', 'payer', 1n)] }))
      await assertFails(post(`holds/${requestId}`), refused('HOLD_NOT_FOUND', `holds/${requestId}`))
    })

    it('refuses to post to an account that was closed, the same again after it is open; the hold can be voided', async () => {
      await makeNamedAccounts(ledger, [], [{ id: 'gone', asset: 'THB', kind: AccountKind.FEE }])
      const [hold, requestId] = [await holdLegs([leg('payer', 'gone', 1n)]), randomUUID()]
      const ids = await Promise.all(
        ['gone', 'bank'].map(async (id) => (await service.getAccount({ name: `accounts/${id}` })).account!.id),
      )
      const [debitAccountId, creditAccountId] = ids.map(fromUint128)
      const closing = transferEvent(1n, {
        debitAccountId: debitAccountId!,
        creditAccountId: creditAccountId!,
        amount: 0n,
      })
      const flags = TransferFlag.PENDING | TransferFlag.CLOSING_DEBIT
      await ledger.engine.createTransfers([{ ...closing, flags }])
      const metadata = { leg: '0', status: 'credit_account_already_closed' }
      const failure = { reason: 'CHAIN_REFUSED', code: status.FAILED_PRECONDITION, metadata }
      await assertFails(post(hold, [], requestId), failure)
      const reopen = { pendingId: 1n, flags: TransferFlag.VOID_PENDING_TRANSFER, amount: 0n }
      await ledger.engine.createTransfers([{ ...closing, id: 2n, ...reopen }])
      await assertFails(post(hold, [], requestId), failure)
      await release(hold)
    })

    it('comes too late for a hold that expired, as a void does', async () => {
      const before = await payer()
      const hold = await holdLegs(TWO_LEGS, 1)
      await eventually(async () => (await payer()).held === before.held, 'the hold was swept')
      await assertFails(post(hold), refused('HOLD_EXPIRED', hold))
      await assertFails(release(hold), refused('HOLD_EXPIRED', hold))
      assert.deepEqual(await payer(), before)
    })
  })

  describe('VoidHold', () => {
    it('releases every leg, and answers the same again', async () => {
      const before = await payer()
      const [hold, requestId] = [await holdLegs(), randomUUID()]
      const first = await release(hold, requestId)
      assert.equal(balanceOf(first.accounts, 'payer')?.available?.minorUnits, before.available)
      const again = await release(hold, requestId)
      assert.deepEqual(again.transfers, first.transfers)
      assert.deepEqual([first.accountsReadLater.length, again.accountsReadLater.length], [0, again.accounts.length])
      assert.deepEqual(await payer(), before)
    })

    it('names in this order what is malformed, an unknown hold, a used request id, and a hold that is resolved', async () => {
      const used = randomUUID()
      await release(await holdLegs(), used)
      const [posted, voided, nobody] = [await holdLegs(), await holdLegs(), `holds/${randomUUID()}`]
      await post(posted)
      await release(voided)
      await assertInvalid(release('nonsense', 'x'), 'request_id', 'hold')
      await assertFails(release(nobody, used), refused('HOLD_NOT_FOUND', nobody))
      await assertFails(release(posted, used), reused(used))
      await assertFails(release(posted), refused('HOLD_ALREADY_POSTED', posted))
      await assertFails(release(voided), refused('HOLD_ALREADY_VOIDED', voided))
      await assertFails(post(voided), refused('HOLD_ALREADY_VOIDED', voided))
    })
  })
})
