import assert from 'node:assert/strict'
import { status } from '@grpc/grpc-js'
import { type EngineAccount } from '../../../gen/paymesh/ledger/v1/transfer.js'
import { AccountStatus } from '../state-machine/status.js'
import { accountEvent, assertFails, assertInvalid, TestLedger } from '../test/harness.js'
import { engineAccount } from '../wire.js'

const S = AccountStatus

function message(id: bigint, fields: Partial<EngineAccount> = {}): EngineAccount {
  return { ...engineAccount({ ...accountEvent(id), closed: false }), ...fields }
}

describe('TransferService.CreateAccounts', () => {
  let ledger: TestLedger
  let create: (...accounts: EngineAccount[]) => Promise<number[]>
  before(async () => {
    ledger = await TestLedger.start()
    const service = await ledger.transfers()
    create = async (...accounts) => (await service.createAccounts({ accounts })).results.map(({ status }) => status)
  })
  after(() => ledger.stop())

  it('answers a status an event, in order, and the same ids again with exists', async () => {
    const accounts = [message(1n), message(1n, { code: 9 }), message(2n, { ledger: 0 })]
    assert.deepEqual(await create(...accounts), [S.CREATED, S.EXISTS_WITH_DIFFERENT_CODE, S.LEDGER_MUST_NOT_BE_ZERO])
    assert.deepEqual(await create(message(1n)), [S.EXISTS])
  })

  it('keeps the upper values of every type', async () => {
    const all = (1n << 64n) - 1n
    const id = 77n
    const fields = {
      userData128: { high: all, low: all },
      userData64: all,
      userData32: 4294967295,
      ledger: 4294967295,
      code: 65535,
    }
    assert.deepEqual(await create(message(id, fields)), [S.CREATED])
    const { accounts } = await (await ledger.transfers()).lookupAccounts({ ids: [{ high: 0n, low: id }] })
    const { userData128, userData64, userData32, ledger: number, code } = accounts[0]!
    assert.deepEqual({ userData128, userData64, userData32, ledger: number, code }, fields)
  })

  it('takes none and 253 events, and refuses 254 and values beyond the engine', async () => {
    const many = Array.from({ length: 254 }, (_, index) => message(1000n + BigInt(index)))
    assert.deepEqual(await create(), [])
    const metadata = { count: '254', most: '253' }
    await assertFails(create(...many), { reason: 'BATCH_TOO_LARGE', code: status.INVALID_ARGUMENT, metadata })
    assert.ok((await create(...many.slice(1))).every((one) => one === S.CREATED))
    await assertInvalid(create(message(3n, { flags: 65536, code: 65536 })), 'accounts[0].code', 'accounts[0].flags')
  })
})
