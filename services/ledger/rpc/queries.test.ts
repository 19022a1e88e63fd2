import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { AccountFilter, QueryFilter } from '../../../gen/paymesh/ledger/v1/filter.js'
import { type TransferServiceService } from '../../../gen/paymesh/ledger/v1/transfer_service.js'
import { type Client } from '../../runtime/client.js'
import { fromUint128, toUint128 } from '../../runtime/ids.js'
import { AccountFlag } from '../state-machine/account.js'
import { TransferFlag } from '../state-machine/transfer.js'
import { U128_MAX } from '../state-machine/u128.js'
import { accountEvent, assertFails, assertInvalid, TestLedger, transferEvent } from '../test/harness.js'

// What the filters select is shown by the transcripts, which go through these RPCs; here is what the contract adds.

const BOTH_SIDES = 3

describe('TransferService.GetAccountTransfers, GetAccountBalances, QueryAccounts and QueryTransfers', () => {
  let ledger: TestLedger
  let service: Client<typeof TransferServiceService>
  let reads: Record<string, (filter: Partial<AccountFilter & QueryFilter> | undefined) => Promise<bigint[]>>
  before(async () => {
    ledger = await TestLedger.start()
    await ledger.engine.createAccounts([
      accountEvent(1n, { flags: AccountFlag.HISTORY, userData128: 7n }),
      accountEvent(2n, { userData64: 2n ** 64n - 1n }),
    ])
    await ledger.engine.createTransfers([
      transferEvent(11n, { userData128: 7n }),
      transferEvent(12n, { userData64: 2n ** 64n - 1n }),
      transferEvent(13n, { userData32: 4_294_967_295, debitAccountId: 2n, creditAccountId: 1n }),
      transferEvent(14n, { code: 65_535, flags: TransferFlag.PENDING }),
    ])
    service = await ledger.transfers()
    const ids = (found: readonly { id: Parameters<typeof fromUint128>[0] }[]) => found.map(({ id }) => fromUint128(id))
    const ofAccount = (filter: Partial<AccountFilter> | undefined) => ({
      filter:
        filter && AccountFilter.fromPartial({ accountId: toUint128(1n), limit: 10, flags: BOTH_SIDES, ...filter }),
    })
    const anywhere = (filter: Partial<QueryFilter> | undefined) => ({
      filter: filter && QueryFilter.fromPartial({ limit: 10, ...filter }),
    })
    reads = {
      getAccountTransfers: async (filter) => ids((await service.getAccountTransfers(ofAccount(filter))).transfers),
      getAccountBalances: async (filter) => {
        const { balances } = await service.getAccountBalances(ofAccount(filter))
        return balances.map(({ debitsPosted }) => fromUint128(debitsPosted))
      },
      queryAccounts: async (filter) => ids((await service.queryAccounts(anywhere(filter))).accounts),
      queryTransfers: async (filter) => ids((await service.queryTransfers(anywhere(filter))).transfers),
    }
  })
  after(() => ledger.stop())

  it('answer in the order of time, or against it', async () => {
    assert.deepEqual(await reads['getAccountTransfers']!({}), [11n, 12n, 13n, 14n])
    assert.deepEqual(await reads['getAccountTransfers']!({ flags: BOTH_SIDES | 4, limit: 3 }), [14n, 13n, 12n])
    assert.deepEqual(await reads['getAccountBalances']!({}), [1n, 2n, 2n, 2n])
    assert.deepEqual(await reads['queryAccounts']!({ flags: 1 }), [2n, 1n])
    assert.deepEqual(await reads['queryTransfers']!({ limit: 2 }), [11n, 12n])
  })

  it('find the largest values of each field', async () => {
    for (const name of ['getAccountTransfers', 'queryTransfers']) {
      assert.deepEqual(await reads[name]!({ userData128: toUint128(7n) }), [11n], name)
      assert.deepEqual(await reads[name]!({ userData64: 2n ** 64n - 1n }), [12n], name)
      assert.deepEqual(await reads[name]!({ userData32: 4_294_967_295 }), [13n], name)
      assert.deepEqual(await reads[name]!({ code: 65_535 }), [14n], name)
      assert.deepEqual(await reads[name]!({ userData128: toUint128(U128_MAX) }), [], name)
    }
    assert.deepEqual(await reads['queryTransfers']!({ ledger: 4_294_967_295 }), [])
    assert.deepEqual(await reads['queryAccounts']!({ ledger: 1, userData64: 2n ** 64n - 1n }), [2n])
  })

  it('page by timestamp', async () => {
    const first = await service.queryTransfers({ filter: QueryFilter.fromPartial({ limit: 3 }) })
    const timestampMin = first.transfers.at(-1)!.timestamp + 1n
    assert.deepEqual(await reads['queryTransfers']!({ timestampMin }), [14n])
    assert.deepEqual(await reads['getAccountTransfers']!({ timestampMax: timestampMin - 1n }), [11n, 12n, 13n])
  })

  for (const name of ['getAccountTransfers', 'getAccountBalances', 'queryAccounts', 'queryTransfers']) {
    it(`${name}: a filter that makes no sense matches nothing`, async () => {
      assert.notDeepEqual(await reads[name]!({ limit: 8189 }), [])
      const invalid = [
        { limit: 0 },
        { flags: 256 | BOTH_SIDES },
        { timestampMin: 2n ** 63n },
        { timestampMax: 2n ** 64n - 1n },
        { timestampMin: 2n, timestampMax: 1n },
      ]
      for (const filter of invalid)
        assert.deepEqual(await reads[name]!(filter), [], JSON.stringify(Object.keys(filter)))
    })

    it(`${name}: refuses in the order of the contract`, async () => {
      await assertInvalid(reads[name]!(undefined), 'filter')
      await assertInvalid(reads[name]!({ code: 65_536, limit: 8190 }), 'filter.code')
      const metadata = { count: '8190', most: '8189' }
      await assertFails(reads[name]!({ limit: 8190 }), {
        reason: 'BATCH_TOO_LARGE',
        code: status.INVALID_ARGUMENT,
        metadata,
      })
    })
  }

  it('no account, no side: nothing', async () => {
    for (const name of ['getAccountTransfers', 'getAccountBalances']) {
      assert.deepEqual(await reads[name]!({ accountId: undefined }), [], name)
      assert.deepEqual(await reads[name]!({ accountId: toUint128(U128_MAX) }), [], name)
      assert.deepEqual(await reads[name]!({ flags: 4 }), [], name)
    }
  })

  it('an account without the history flag has no balances', async () => {
    assert.deepEqual(await reads['getAccountBalances']!({ accountId: toUint128(2n) }), [])
  })
})
