import assert from 'node:assert/strict'
import { AccountFlag, accountFlags } from '../state-machine/account.js'
import { TransferStatus } from '../state-machine/status.js'
import { U128_MAX } from '../state-machine/u128.js'
import { accountEvent, transferEvent } from '../test/harness.js'
import { accountOf, accountRecord, queryFilterRecord, transferOf, transferRecord, transferResults } from './records.js'

const FILTER = {
  userData128: 0n,
  userData64: 0n,
  userData32: 0,
  ledger: 0,
  code: 0,
  timestampMin: 0n,
  timestampMax: 0n,
  limit: 1,
  flags: 0,
}

describe('records of the TigerBeetle client', () => {
  it('carry every field there and back', () => {
    const transfer = transferEvent(1n, {
      debitAccountId: 2n,
      creditAccountId: 3n,
      amount: U128_MAX,
      pendingId: 4n,
      userData128: 5n,
      userData64: 6n,
      userData32: 7,
      timeoutSeconds: 0xffff_ffff,
      ledger: 8,
      code: 9,
      flags: 0xffff,
      timestamp: 10n,
    })
    assert.deepEqual(transferOf(transferRecord(transfer)), transfer)
    const { reserved: _, ...account } = accountEvent(1n, { userData128: 2n, userData64: 3n, userData32: 4, flags: 8 })
    assert.deepEqual(accountOf(accountRecord({ ...account, reserved: 0 })), { ...account, closed: false })
  })

  it('tell a closed account by its flag', () => {
    const account = accountOf(accountRecord(accountEvent(1n, { flags: AccountFlag.CLOSED | AccountFlag.HISTORY })))
    assert.equal(account.closed, true)
    assert.equal(accountFlags(account), AccountFlag.CLOSED | AccountFlag.HISTORY)
  })

  for (const [field, wrong] of Object.entries({
    id: [-1n, U128_MAX + 1n],
    amount: [-1n, U128_MAX + 1n],
    userData64: [-1n, 1n << 64n],
    userData32: [-1, 2 ** 32, 0.5, Number.NaN],
    timeoutSeconds: [-1, 2 ** 32, 1.5],
    ledger: [-1, 2 ** 32, 1.5],
    code: [-1, 65_536, 1.5],
    flags: [-1, 65_536, 1.5],
  })) {
    it(`are not made of a ${field} that does not fit`, () => {
      for (const value of wrong) {
        assert.throws(() => transferRecord({ ...transferEvent(1n), [field]: value }), RangeError, String(value))
      }
    })
  }

  it('are not made of a filter that does not fit', () => {
    assert.throws(() => queryFilterRecord({ ...FILTER, ledger: -1 }), RangeError)
    assert.throws(() => queryFilterRecord({ ...FILTER, limit: 1.5 }), RangeError)
  })

  it('of results are one an event, of statuses that are known', () => {
    const created = { status: 0xffff_ffff, timestamp: 5n }
    assert.deepEqual(transferResults([created], 1), [{ status: TransferStatus.CREATED, timestamp: 5n }])
    assert.throws(() => transferResults([created], 2), /2 events with 1 results/)
    assert.throws(() => transferResults([{ status: 9999, timestamp: 0n }], 1), /9999, which is not known/)
  })
})
