import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { AccountKind } from '../../../gen/paymesh/ledger/v1/account.js'
import { CreateAccountRequest, PostChainRequest } from '../../../gen/paymesh/ledger/v1/account_service.js'
import { TransferStatus } from '../state-machine/status.js'
import { fromUint128, toUint128 } from '../../runtime/ids.js'
import { TestLedger, wireTransfer } from './harness.js'
import { verifyBooks } from './verify.js'

describe('the ledger through gRPC', () => {
  let ledger: TestLedger
  before(async () => {
    ledger = await TestLedger.start()
  })
  after(() => ledger.stop())

  it('creates assets and accounts, posts a chain, and reads balances', async () => {
    const admin = await ledger.admin()
    const { asset } = await admin.createAsset({ asset: { name: '', assetCode: 'THB', scale: 2, ledger: 0 } })
    assert.equal(asset?.scale, 2)
    const accounts = await ledger.accounts()
    for (const [accountId, kind] of [
      ['settlement.THB', AccountKind.SETTLEMENT],
      ['wallet.a', AccountKind.WALLET],
    ] as const) {
      await accounts.createAccount(CreateAccountRequest.fromPartial({ accountId, account: { assetCode: 'THB', kind } }))
    }
    const posted = await accounts.postChain(
      PostChainRequest.fromPartial({
        requestId: randomUUID(),
        legs: [
          {
            debitAccount: 'accounts/settlement.THB',
            creditAccount: 'accounts/wallet.a',
            amount: { assetCode: 'THB', minorUnits: 15025n },
            code: 7,
          },
        ],
      }),
    )
    assert.equal(posted.transfers.length, 1)
    const { account } = await accounts.getAccount({ name: 'accounts/wallet.a' })
    assert.equal(account?.balances?.available?.minorUnits, 15025n)
    await verifyBooks(ledger.pool)
  })

  it('answers a stream of batches', async () => {
    const transfers = await ledger.transfers()
    const stream = transfers.submit()
    stream.write({
      batches: [
        { correlationId: 1n, transfers: [wireTransfer(9n)] },
        { correlationId: 2n, transfers: [] },
      ],
    })
    stream.end()
    const results = []
    for await (const message of stream.responses) results.push(...message.results)
    const byId = new Map(results.map((result) => [result.correlationId, result]))
    assert.equal(byId.get(1n)?.results[0]?.status, TransferStatus.DEBIT_ACCOUNT_NOT_FOUND)
    assert.deepEqual(byId.get(2n), { correlationId: 2n, results: [], failure: undefined })
    assert.equal(fromUint128(toUint128(5n)), 5n)
  })
})
