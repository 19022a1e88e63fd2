import assert from 'node:assert/strict'
import { fromUint128 } from '../../runtime/ids.js'
import { accountEvent, TestLedger, transferEvent } from '../test/harness.js'

describe('LedgerAdminService.TakeSnapshot', () => {
  let ledger: TestLedger
  beforeEach(async () => {
    ledger = await TestLedger.start()
  })
  afterEach(() => ledger.stop())

  it('records an empty ledger', async () => {
    const { snapshot } = await (await ledger.admin()).takeSnapshot({})
    assert.equal(snapshot?.name, 'snapshots/0')
    assert.deepEqual([snapshot.accountCount, snapshot.totals], [0n, []])
  })

  it('records the last batch and what every ledger adds up to', async () => {
    await ledger.engine.createAccounts(
      [1n, 2n].flatMap((id) => [accountEvent(id), accountEvent(id + 10n, { ledger: 2 })]),
    )
    await ledger.engine.createTransfers([transferEvent(1n, { amount: 2n ** 100n })])
    const { snapshot } = await (await ledger.admin()).takeSnapshot({})
    const { rows } = await ledger.pool.query<{ batch: bigint; hash: Buffer }>('select batch, hash from ledger_head')
    assert.equal(snapshot?.batch, rows[0]?.batch)
    assert.deepEqual(Buffer.from(snapshot?.hash ?? []), rows[0]?.hash)
    assert.equal(snapshot?.accountCount, 4n)
    const totals = snapshot.totals.map(({ ledger, debitsPosted, creditsPosted }) => {
      return [ledger, fromUint128(debitsPosted), fromUint128(creditsPosted)]
    })
    assert.deepEqual(totals, [
      [1, 2n ** 100n, 2n ** 100n],
      [2, 0n, 0n],
    ])
  })

  it('answers the same until something is written, also when asked many times at once', async () => {
    await ledger.engine.createAccounts([accountEvent(1n), accountEvent(2n)])
    const admin = await ledger.admin()
    const taken = await Promise.all(Array.from({ length: 10 }, () => admin.takeSnapshot({})))
    for (const { snapshot } of taken) assert.deepEqual(snapshot, taken[0]?.snapshot)
    await ledger.engine.createTransfers([transferEvent(1n)])
    const { snapshot } = await admin.takeSnapshot({})
    assert.notEqual(snapshot?.name, taken[0]?.snapshot?.name)
  })
})
