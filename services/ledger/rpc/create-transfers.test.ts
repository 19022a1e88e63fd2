import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { type Transfer } from '../../../gen/paymesh/ledger/v1/transfer.js'
import { TransferStatus } from '../state-machine/status.js'
import { accountEvent, assertFails, assertInvalid, TestLedger, wireTransfer } from '../test/harness.js'
import { verifyBooks } from '../test/verify.js'

const S = TransferStatus

describe('TransferService.CreateTransfers', () => {
  let ledger: TestLedger
  let create: (...transfers: Transfer[]) => Promise<number[]>
  before(async () => {
    ledger = await TestLedger.start()
    await ledger.engine.createAccounts([accountEvent(1n), accountEvent(2n)])
    const service = await ledger.transfers()
    create = async (...transfers) => (await service.createTransfers({ transfers })).results.map(({ status }) => status)
  })
  after(async () => {
    await verifyBooks(ledger.pool)
    await ledger.stop()
  })

  it('answers a status an event, in order, and the same ids again with exists', async () => {
    const transfers = [wireTransfer(1n), wireTransfer(1n), wireTransfer(2n, { code: 0 }), wireTransfer(0n)]
    assert.deepEqual(await create(...transfers), [S.CREATED, S.EXISTS, S.CODE_MUST_NOT_BE_ZERO, S.ID_MUST_NOT_BE_ZERO])
    assert.deepEqual(await create(...transfers), [S.EXISTS, S.EXISTS, S.CODE_MUST_NOT_BE_ZERO, S.ID_MUST_NOT_BE_ZERO])
  })

  it('gives unknown flag bits their status while they fit the engine, and refuses them beyond', async () => {
    assert.deepEqual(await create(wireTransfer(3n, { flags: 1 << 15 })), [S.RESERVED_FLAG])
    await assertInvalid(create(wireTransfer(3n), wireTransfer(4n, { flags: 1 << 16 })), 'transfers[1].flags')
    await assertInvalid(create(wireTransfer(3n, { code: 65536 })), 'transfers[0].code')
  })

  it('takes none and 253 events, and refuses 254', async () => {
    const many = Array.from({ length: 254 }, (_, index) => wireTransfer(1000n + BigInt(index)))
    assert.deepEqual(await create(), [])
    const metadata = { count: '254', most: '253' }
    await assertFails(create(...many), { reason: 'BATCH_TOO_LARGE', code: status.INVALID_ARGUMENT, metadata })
    assert.ok((await create(...many.slice(1))).every((one) => one === S.CREATED))
  })
})
