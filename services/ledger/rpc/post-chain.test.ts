import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { AccountKind } from '../../../gen/paymesh/ledger/v1/account.js'
import { Leg, PostChainRequest, type PostChainResponse } from '../../../gen/paymesh/ledger/v1/account_service.js'
import { type PeerName } from '../../runtime/call.js'
import { fromUint128, uuidV5ToUint128 } from '../../runtime/ids.js'
import { chainTransfers } from '../chain.js'
import { assertFails, assertInvalid, failureOf, makeNamedAccounts, TestLedger } from '../test/harness.js'
import { verifyBooks } from '../test/verify.js'

const leg = (debit: string, credit: string, minorUnits: bigint, fields: Partial<Leg> = {}): Leg => ({
  debitAccount: `accounts/${debit}`,
  creditAccount: `accounts/${credit}`,
  amount: { assetCode: 'THB', minorUnits },
  code: 1,
  ...fields,
})

describe('AccountService.PostChain', () => {
  let ledger: TestLedger
  before(async () => {
    ledger = await TestLedger.start()
    await makeNamedAccounts(
      ledger,
      ['THB', 'USD'],
      [
        { id: 'bank', asset: 'THB', kind: AccountKind.SETTLEMENT },
        { id: 'transit', asset: 'THB', kind: AccountKind.TRANSIT },
        { id: 'fees', asset: 'THB', kind: AccountKind.FEE },
        { id: 'dollars', asset: 'USD', kind: AccountKind.SETTLEMENT },
        ...['payer', 'payee', 'poor', 'busy'].map((id) => ({ id, asset: 'THB', kind: AccountKind.WALLET })),
      ],
    )
    await post([leg('bank', 'payer', 10_000n)])
  })
  afterEach(() => verifyBooks(ledger.pool))
  after(() => ledger.stop())

  async function post(
    legs: Leg[],
    requestId: string = randomUUID(),
    peer: PeerName = 'intent',
  ): Promise<PostChainResponse> {
    return (await ledger.accounts(peer)).postChain(PostChainRequest.fromPartial({ requestId, legs }))
  }

  async function posted(account: string): Promise<bigint> {
    const response = await (await ledger.accounts()).getAccount({ name: `accounts/${account}` })
    return response.account!.balances!.posted!.minorUnits!
  }

  const reused = (requestId: string) => ({
    reason: 'REQUEST_ID_REUSED',
    code: status.ALREADY_EXISTS,
    metadata: { request_id: requestId },
  })
  const poor = (at: number, account: string) => ({
    reason: 'INSUFFICIENT_FUNDS',
    code: status.FAILED_PRECONDITION,
    metadata: { leg: String(at), account: `accounts/${account}` },
  })

  it('moves all legs and answers the balances right after them', async () => {
    const before = await posted('payer')
    const { transfers, accounts, accountsReadLater } = await post([
      leg('payer', 'transit', 110n),
      leg('transit', 'payee', 100n),
      leg('transit', 'fees', 10n),
    ])
    assert.deepEqual(
      transfers.map(({ amount }) => fromUint128(amount)),
      [110n, 100n, 10n],
    )
    const balances = new Map(accounts.map(({ name, balances }) => [name, balances?.posted?.minorUnits]))
    assert.equal(balances.size, 4)
    assert.equal(balances.get('accounts/payer'), before - 110n)
    assert.equal(balances.get('accounts/transit'), 0n)
    assert.deepEqual(accountsReadLater, [])
  })

  it('answers the same again for the same request id, with the balances of now', async () => {
    const [requestId, legs] = [randomUUID(), [leg('payer', 'payee', 5n), leg('payer', 'fees', 1n)]]
    const first = await post(legs, requestId)
    await post([leg('payer', 'payee', 7n)])
    const payer = await posted('payer')
    const again = await post(legs, requestId.toUpperCase())
    assert.deepEqual(again.transfers, first.transfers)
    assert.equal(await posted('payer'), payer)
    const balance = again.accounts.find(({ name }) => name === 'accounts/payer')?.balances?.posted?.minorUnits
    assert.equal(balance, payer)
    assert.deepEqual(new Set(again.accountsReadLater), new Set(again.accounts.map(({ name }) => name)))
  })

  it('moves once when the same chain arrives fifty times at once', async () => {
    const [requestId, before] = [randomUUID(), await posted('payer')]
    const legs = [leg('payer', 'transit', 20n), leg('transit', 'payee', 20n)]
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(legs, requestId)))
    for (const { transfers } of answers) assert.deepEqual(transfers, answers[0]?.transfers)
    assert.equal(await posted('payer'), before - 20n)
    assert.equal(await posted('transit'), 0n)
  })

  it('lets one chain win when different ones arrive at once under one request id', async () => {
    const requestId = randomUUID()
    const amounts = Array.from({ length: 20 }, (_, index) => BigInt(index + 1))
    const before = await posted('payer')
    const answers = await Promise.allSettled(amounts.map((amount) => post([leg('payer', 'payee', amount)], requestId)))
    const winners = answers.filter(({ status }) => status === 'fulfilled')
    assert.equal(winners.length, 1)
    const [won] = amounts.filter((_, index) => answers[index]?.status === 'fulfilled')
    assert.equal(await posted('payer'), before - won!)
  })

  it('answers each of two chains that raced under one request id by what became of itself', async () => {
    const names = ['payer', 'payee', 'poor'].map((name) => `accounts/${name}`)
    const [payer = 0n, payee = 0n, broke = 0n] = names.map((name) => uuidV5ToUint128('paymesh', name))
    const service = await ledger.accounts()
    const { ledger: onLedger } = (await post([leg('bank', 'payer', 1n)])).transfers[0]!
    const requestId = randomUUID()
    const order = (legs: readonly [bigint, bigint][]) => ({
      caller: 'peers/intent',
      requestId,
      subject: 0n,
      hold: undefined,
      legs: legs.map(([debitAccountId, creditAccountId]) => ({
        debitAccountId,
        creditAccountId,
        amount: 1n,
        ledger: onLedger,
        code: 1,
      })),
    })
    // What the engine is left with when both asked it before either saw the other.
    const refused = order([
      [payer, payee],
      [broke, payee],
    ])
    for (const chain of [refused, order([[payer, payee]])]) {
      await ledger.engine.createTransfers(chainTransfers('paymesh', chain))
    }
    const before = await posted('payer')
    const send = (legs: Leg[]) => service.postChain(PostChainRequest.fromPartial({ requestId, legs }))
    const made = await send([leg('payer', 'payee', 1n)])
    assert.equal(made.transfers.length, 1)
    await assertFails(send([leg('payer', 'payee', 1n), leg('poor', 'payee', 1n)]), poor(1, 'poor'))
    await assertFails(send([leg('payer', 'payee', 2n)]), reused(requestId))
    assert.equal(await posted('payer'), before)
  })

  it('keeps the request ids of different callers apart', async () => {
    const requestId = randomUUID()
    const first = await post([leg('payer', 'payee', 1n)], requestId, 'intent')
    const other = await post([leg('payer', 'payee', 2n)], requestId, 'connector')
    assert.notDeepEqual(first.transfers[0]?.id, other.transfers[0]?.id)
  })

  it('takes 253 legs', async () => {
    const { transfers } = await post(Array.from({ length: 253 }, () => leg('bank', 'payer', 1n)))
    assert.equal(transfers.length, 253)
  })

  it('answers a failure the same again, though the money is there by then', async () => {
    const [requestId, legs] = [randomUUID(), [leg('payer', 'transit', 1n), leg('poor', 'transit', 50n)]]
    const payer = await posted('payer')
    await assertFails(post(legs, requestId), poor(1, 'poor'))
    await post([leg('bank', 'poor', 50n)])
    await assertFails(post(legs, requestId), poor(1, 'poor'))
    assert.equal(await posted('payer'), payer)
    await post(legs)
    assert.equal(await posted('poor'), 0n)
    await post([leg('transit', 'bank', 51n)])
  })

  it('refuses what is malformed, each fault named', async () => {
    await assertInvalid(post([], 'nonsense'), 'request_id', 'legs')
    await assertInvalid(post(Array.from({ length: 254 }, () => leg('bank', 'payer', 1n))), 'legs')
    await assertInvalid(post([leg('payer', 'payer', 1n)]), 'legs[0].credit_account')
    for (const amount of [0n, -1n]) {
      await assertInvalid(post([leg('bank', 'payer', 1n), leg('payer', 'payee', amount)]), 'legs[1].amount.minor_units')
    }
    for (const code of [0, 65536]) await assertInvalid(post([leg('bank', 'payer', 1n, { code })]), 'legs[0].code')
    await assertInvalid(
      post([Leg.fromPartial({})]),
      'legs[0].debit_account',
      'legs[0].credit_account',
      'legs[0].credit_account',
      'legs[0].amount.asset_code',
      'legs[0].amount.minor_units',
      'legs[0].code',
    )
  })

  it('names in this order an unknown asset, an unknown account, a used request id, and the leg that fails', async () => {
    const requestId = randomUUID()
    await post([leg('payer', 'payee', 1n)], requestId)
    const nope = { assetCode: 'NOPE', minorUnits: 1n }
    const asset = { reason: 'ASSET_NOT_FOUND', code: status.NOT_FOUND, metadata: { asset_code: 'NOPE' } }
    await assertFails(post([leg('nobody', 'poor', 1n, { amount: nope })], requestId), asset)
    const missing = { reason: 'ACCOUNT_NOT_FOUND', code: status.NOT_FOUND, metadata: { account: 'accounts/nobody' } }
    await assertFails(post([leg('poor', 'nobody', 1n)], requestId), missing)
    await assertFails(post([leg('poor', 'payee', 1n)], requestId), reused(requestId))
    await assertFails(post([leg('poor', 'payee', 1n)]), poor(0, 'poor'))
  })

  it('refuses another chain under a used request id: longer, shorter, other amount, other subject', async () => {
    const [requestId, legs] = [randomUUID(), [leg('payer', 'transit', 3n), leg('transit', 'payee', 3n)]]
    await post(legs, requestId)
    const others = [[...legs, leg('payer', 'payee', 1n)], legs.slice(0, 1), [legs[0]!, leg('transit', 'payee', 2n)]]
    for (const other of others) await assertFails(post(other, requestId), reused(requestId))
    const subject = { high: 0n, low: 1n }
    const service = await ledger.accounts()
    await assertFails(service.postChain(PostChainRequest.fromPartial({ requestId, legs, subject })), reused(requestId))
  })

  it('refuses another chain under a request id whose first chain failed', async () => {
    const requestId = randomUUID()
    await assertFails(post([leg('payer', 'payee', 1n), leg('poor', 'payee', 1n)], requestId), poor(1, 'poor'))
    await assertFails(post([leg('payer', 'payee', 1n)], requestId), reused(requestId))
  })

  it('refuses a leg that the engine refuses, with its status', async () => {
    const metadata = { leg: '1', status: 'accounts_must_have_the_same_ledger' }
    const legs = [leg('payer', 'payee', 1n), leg('payer', 'dollars', 1n)]
    await assertFails(post(legs), { reason: 'CHAIN_REFUSED', code: status.FAILED_PRECONDITION, metadata })
  })

  it('does nothing for a caller whose deadline has passed', async () => {
    const service = await ledger.accounts()
    const before = await posted('payer')
    const request = PostChainRequest.fromPartial({ requestId: randomUUID(), legs: [leg('payer', 'payee', 1n)] })
    const { code } = await failureOf(service.postChain(request, { timeoutMs: 0 }))
    assert.equal(code, status.DEADLINE_EXCEEDED)
    assert.equal(await posted('payer'), before)
  })
})
