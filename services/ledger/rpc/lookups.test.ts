import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { fromUint128, toUint128 } from '../../runtime/ids.js'
import { accountEvent, assertFails, TestLedger, transferEvent } from '../test/harness.js'

describe('TransferService.LookupAccounts and LookupTransfers', () => {
  let ledger: TestLedger
  let lookUp: Record<'accounts' | 'transfers', (...ids: bigint[]) => Promise<bigint[]>>
  before(async () => {
    ledger = await TestLedger.start()
    await ledger.engine.createAccounts([accountEvent(1n), accountEvent(2n)])
    await ledger.engine.createTransfers([
      transferEvent(1n),
      transferEvent(2n),
      transferEvent(3n, { creditAccountId: 9n }),
    ])
    const service = await ledger.transfers()
    const idsOf = (found: { id: Parameters<typeof fromUint128>[0] }[]) => found.map(({ id }) => fromUint128(id))
    lookUp = {
      accounts: async (...ids) => idsOf((await service.lookupAccounts({ ids: ids.map(toUint128) })).accounts),
      transfers: async (...ids) => idsOf((await service.lookupTransfers({ ids: ids.map(toUint128) })).transfers),
    }
  })
  after(() => ledger.stop())

  for (const kind of ['accounts', 'transfers'] as const) {
    it(`answers ${kind} in the order asked, twice what is asked twice, and leaves out what is not there`, async () => {
      assert.deepEqual(await lookUp[kind](2n, 3n, 1n, 2n, 0n), [2n, 1n, 2n])
    })

    it(`answers nothing for no ids of ${kind} and refuses more than 253`, async () => {
      assert.deepEqual(await lookUp[kind](), [])
      const metadata = { count: '254', most: '253' }
      const tooMany = { reason: 'BATCH_TOO_LARGE', code: status.INVALID_ARGUMENT, metadata }
      await assertFails(lookUp[kind](...Array.from({ length: 254 }, () => 1n)), tooMany)
    })
  }
})
