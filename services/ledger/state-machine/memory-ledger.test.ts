import assert from 'node:assert/strict'
import { accountEvent, transferEvent } from '../test/harness.js'
import { MemoryLedger } from './memory-ledger.js'
import { AccountStatus, TransferStatus, transferStatusName } from './status.js'
import { TransferFlag } from './transfer.js'
import { NANOSECONDS_PER_SECOND, TIMESTAMP_MAX, U128_MAX } from './u128.js'

// The transcripts hold almost every rule; here is what no recording can show.

function ledgerAt(nowNs: bigint): MemoryLedger {
  const ledger = new MemoryLedger(() => nowNs)
  ledger.createAccounts([accountEvent(1n), accountEvent(2n)])
  return ledger
}

function statuses(results: readonly { status: number }[]): number[] {
  return results.map(({ status }) => status)
}

describe('the ledger in memory', () => {
  it('refuses a timeout that ends after the last timestamp there is', () => {
    const longest = 0xffff_ffffn * NANOSECONDS_PER_SECOND
    const events = [transferEvent(1n, { flags: TransferFlag.PENDING, timeoutSeconds: 0xffff_ffff })]
    // Two accounts were made before, so the transfer's timestamp is two after the clock.
    const lastMoment = TIMESTAMP_MAX - longest - 2n
    assert.deepEqual(statuses(ledgerAt(lastMoment).createTransfers(events)), [TransferStatus.CREATED])
    assert.deepEqual(statuses(ledgerAt(lastMoment + 1n).createTransfers(events)), [TransferStatus.OVERFLOWS_TIMEOUT])
  })

  it('answers no events with no results', () => {
    assert.deepEqual(ledgerAt(1n).createTransfers([]), [])
  })

  it('gives every event a later timestamp, also while the clock stands still', () => {
    const ledger = ledgerAt(100n)
    const results = [1n, 2n, 3n].flatMap((id) => ledger.createTransfers([transferEvent(id), transferEvent(id + 10n)]))
    const timestamps = results.map(({ timestamp }) => timestamp)
    assert.deepEqual(timestamps, [102n, 103n, 104n, 105n, 106n, 107n])
  })

  it('has the wire codes of the contract', () => {
    assert.equal(TransferStatus.CREATED, 0xffff_ffff)
    assert.equal(AccountStatus.CREATED, 0xffff_ffff)
    assert.equal(transferStatusName(TransferStatus.EXCEEDS_CREDITS), 'exceeds_credits')
  })

  it('moves the largest amount there is once, and no more after it', () => {
    const ledger = ledgerAt(1n)
    const results = ledger.createTransfers([transferEvent(1n, { amount: U128_MAX }), transferEvent(2n)])
    assert.deepEqual(statuses(results), [TransferStatus.CREATED, TransferStatus.OVERFLOWS_DEBITS_POSTED])
  })
})
