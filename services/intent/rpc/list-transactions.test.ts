import assert from 'node:assert/strict'
import { type HttpBody } from '../../../gen/google/api/httpbody.js'
import { type Transaction, TransactionDirection, TransactionKind } from '../../../gen/paymesh/intent/v1/transaction.js'
import {
  ListTransactionsRequest,
  type ListTransactionsResponse,
  StreamTransactionsRequest,
  WalletServiceService,
} from '../../../gen/paymesh/intent/v1/wallet_service.js'
import { type Intent } from '../../../gen/paymesh/intent/v1/intent.js'
import { type Wallet } from '../../../gen/paymesh/intent/v1/wallet.js'
import { assertFails } from '../test/assert-fails.js'
import { paymentRequest } from '../test/payment-request.js'
import { type As, operator } from '../test/raw-client.js'
import { type TestIntent } from '../test/test-intent.js'
import { sharedIntent } from '../test/shared-mesh.js'

const unknown = 'wallets/0190a000-0000-7000-8000-00000000dead'
const ann: As = { user: 'tx-ann' }
const ben: As = { user: 'tx-ben' }
const thb = (minorUnits: bigint) => ({ assetCode: 'THB', minorUnits })

describe('ListTransactions and StreamTransactions', () => {
  let intent: TestIntent
  let annWallet: Wallet
  let benWallet: Wallet
  let funding: Intent
  let lunch: Intent

  before(async function () {
    this.timeout(60_000)
    intent = await sharedIntent()
    annWallet = await intent.wallet('tx-ann')
    benWallet = await intent.wallet('tx-ben')
    funding = await intent.fund(annWallet.name, 100_000n)
    lunch = (await intent.pay('tx-ann', paymentRequest(annWallet, benWallet, 20_000n))).message
    await intent.pay('tx-ann', paymentRequest(annWallet, benWallet, 9_000_000n))
    await intent.call(WalletServiceService.freezeWallet, { name: annWallet.name, reason: 'x' }, operator)
    await intent.call(WalletServiceService.unfreezeWallet, { name: annWallet.name, reason: 'x' }, operator)
  })

  async function list(change: Partial<ListTransactionsRequest> = {}, as: As = ann): Promise<ListTransactionsResponse> {
    const request = ListTransactionsRequest.fromPartial({ parent: annWallet.name, ...change })
    return (await intent.call(WalletServiceService.listTransactions, request, as)).message
  }

  async function pages(change: Partial<ListTransactionsRequest>, as: As): Promise<Transaction[][]> {
    const found: Transaction[][] = []
    let pageToken = ''
    do {
      const page = await list({ ...change, pageToken }, as)
      found.push(page.transactions)
      pageToken = page.nextPageToken
    } while (pageToken !== '')
    return found
  }

  async function csv(change: Partial<StreamTransactionsRequest> = {}, as: As = ann): Promise<string> {
    const request = StreamTransactionsRequest.fromPartial({ name: annWallet.name, ...change })
    let text = ''
    for await (const body of intent.stream(WalletServiceService.streamTransactions, request, as)) {
      const { contentType, data }: HttpBody = body
      assert.equal(contentType, 'text/csv; charset=utf-8; header=present')
      text += Buffer.from(data).toString()
    }
    return text
  }

  it('shows the payer what it paid, with its fees, newest first, and what failed or moved nothing not at all', async () => {
    const { transactions, nextPageToken } = await list()
    assert.equal(nextPageToken, '')
    assert.equal(transactions.length, 2)
    const [payment, deposit] = transactions
    const { time, ...paid } = payment!
    assert.deepEqual(paid, {
      intent: lunch.name,
      operationType: 'P2P_TRANSFER',
      kind: TransactionKind.POSTED,
      direction: TransactionDirection.OUT,
      total: thb(20_100n),
      amount: thb(20_000n),
      fees: [{ feeId: 'p2p-service', amount: thb(100n) }],
      counterparty: { party: { $case: 'wallet', wallet: benWallet.name } },
      balanceAfter: thb(79_900n),
      availableAfter: thb(79_900n),
    })
    assert.ok(time !== undefined && time.seconds > 0n)
    assert.deepEqual([deposit?.intent, deposit?.direction], [funding.name, TransactionDirection.IN])
    assert.deepEqual([deposit?.total, deposit?.fees, deposit?.balanceAfter], [thb(100_000n), [], thb(100_000n)])
    assert.deepEqual(deposit?.counterparty?.party, { $case: 'account', account: 'accounts/settlement.THB' })
  })

  it("shows the payee what it got, and nothing of the payer's means", async () => {
    const { transactions } = await list({ parent: benWallet.name }, ben)
    assert.deepEqual(
      transactions.map(({ total, amount, fees, balanceAfter, counterparty }) => ({
        total,
        amount,
        fees,
        balanceAfter,
        counterparty,
      })),
      [
        {
          total: thb(19_950n),
          amount: thb(20_000n),
          fees: [{ feeId: 'p2p-receipt', amount: thb(50n) }],
          balanceAfter: thb(19_950n),
          counterparty: { party: { $case: 'wallet', wallet: annWallet.name } },
        },
      ],
    )
  })

  it('pages, with and without filters, each once and in order', async () => {
    const payer = await intent.wallet('tx-fay', 1_000_000n)
    const other = await intent.wallet('tx-gus', 1_000_000n)
    for (let round = 0; round < 4; round += 1) {
      await intent.pay('tx-fay', paymentRequest(payer, other, 1_000n))
      await intent.pay('tx-gus', paymentRequest(other, payer, 2_000n))
    }
    const fay: As = { user: 'tx-fay' }
    const [all] = await pages({ parent: payer.name }, fay)
    assert.equal(all!.length, 9)
    for (const pageSize of [1, 2, 4, 9]) {
      assert.deepEqual((await pages({ parent: payer.name, pageSize }, fay)).flat(), all)
    }
    for (const direction of [TransactionDirection.IN, TransactionDirection.OUT]) {
      const wanted = all!.filter((transaction) => transaction.direction === direction)
      const found = await pages({ parent: payer.name, pageSize: 2, direction }, fay)
      assert.deepEqual(found.flat(), wanted)
      assert.ok(found.every((page) => page.length <= 2))
    }
    const [startTime, endTime] = [all![6]!.time, all![2]!.time]
    assert.deepEqual(
      (await pages({ parent: payer.name, startTime, endTime, pageSize: 3 }, fay)).flat(),
      all!.slice(3, 7),
    )
    for (const [index, { total, direction, balanceAfter }] of all!.entries()) {
      const before = all![index + 1]?.balanceAfter?.minorUnits ?? 0n
      const moved = direction === TransactionDirection.IN ? total!.minorUnits! : -total!.minorUnits!
      assert.equal(balanceAfter!.minorUnits, before + moved)
    }
    const lines = (await csv({ name: payer.name }, fay)).split('\r\n')
    assert.deepEqual(
      lines.slice(1, -1).map((line) => line.split(',')[1]),
      all!.map((transaction) => transaction.intent).reverse(),
    )
  })

  it('are a document too, oldest first, exact to the minor unit', async () => {
    const [header, deposit, payment, ...rest] = (await csv()).split('\r\n')
    assert.equal(
      header,
      'time,intent,operation_type,kind,direction,total,amount,fees,asset_code,counterparty,balance_after,available_after',
    )
    assert.match(deposit!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z,/)
    assert.equal(
      deposit!.slice(deposit!.indexOf(',') + 1),
      `${funding.name},WALLET_FUNDING,POSTED,IN,1000.00,1000.00,0.00,THB,accounts/settlement.THB,1000.00,1000.00`,
    )
    assert.equal(
      payment!.slice(payment!.indexOf(',') + 1),
      `${lunch.name},P2P_TRANSFER,POSTED,OUT,201.00,200.00,1.00,THB,${benWallet.name},799.00,799.00`,
    )
    assert.deepEqual(rest, [''])
    assert.equal((await csv({ direction: TransactionDirection.OUT })).split('\r\n').length, 3)
    const empty = await intent.wallet('tx-ann')
    assert.equal(await csv({ name: empty.name }), `${header}\r\n`)
  })

  it('fail, in this order', async () => {
    const wrong = {
      pageSize: 1001,
      pageToken: 'x',
      endTime: { seconds: -1n, nanos: 0 },
      direction: 7 as TransactionDirection,
    }
    const streamed = (name: string, as: As, change = {}) => csv({ name, ...change }, as)
    const listed = (parent: string, as: As, change = {}) => list({ parent, ...change }, as)
    for (const [read, fields] of [
      [listed, ['parent', 'page_size', 'end_time', 'direction', 'page_token']],
      [streamed, ['name', 'end_time', 'direction']],
    ] as const) {
      await assertFails(read('x', { peer: 'connector' }), { reason: 'PEER_NOT_ALLOWED', code: 'PERMISSION_DENIED' })
      await assertFails(read('x', { anonymous: true }), { reason: 'NOT_SIGNED_IN', code: 'UNAUTHENTICATED' })
      const poor: As = { user: 'tx-ann', permissions: ['wallet:write'] }
      await assertFails(read('x', poor), { reason: 'PERMISSION_MISSING', code: 'PERMISSION_DENIED' })
      await assertFails(read('x', ann, wrong), { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields })
      const metadata = { wallet: unknown }
      await assertFails(read(unknown, ann), { reason: 'WALLET_NOT_FOUND', code: 'NOT_FOUND', metadata })
      await assertFails(read(annWallet.name, ben), { reason: 'NOT_OWNER', code: 'PERMISSION_DENIED' })
      await read(annWallet.name, operator)
    }
    const { nextPageToken } = await list({ pageSize: 1 })
    const invalid = { reason: 'INVALID_FIELD', code: 'INVALID_ARGUMENT', fields: ['page_token'] } as const
    await assertFails(list({ parent: benWallet.name, pageToken: nextPageToken }, ben), invalid)
    await assertFails(list({ pageToken: nextPageToken, direction: TransactionDirection.IN }), invalid)
  })
})
