import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { TransferStatus } from '../state-machine/status.js'
import { accountEvent, transferEvent } from '../test/harness.js'
import { journalHash } from './journal.js'

const previous = Buffer.alloc(32, 7)

describe('the journal', () => {
  it('hashes the lines that its format says', () => {
    const hash = journalHash(previous, {
      batch: 12n,
      lastTimestamp: 34n,
      accounts: [
        { ...accountEvent(0xabn, { userData128: 1n, userData64: 2n, userData32: 3 }), closed: true, timestamp: 30n },
      ],
      transfers: [transferEvent(0xcdn, { amount: 5n, pendingId: 6n, timeoutSeconds: 7, flags: 4, timestamp: 34n })],
      expiredIds: [2n, 1n],
      failures: [{ id: 9n, status: TransferStatus.EXCEEDS_CREDITS, userData64: 8n }],
    })
    const zeros = '0'.repeat(31)
    const lines = [
      'batch,12,34',
      `account,30,${'0'.repeat(30)}ab,1,1,0,${zeros}1,2,3`,
      `transfer,34,${'0'.repeat(30)}cd,${zeros}1,${zeros}2,5,${zeros}6,7,1,1,4,${zeros}0,0,0`,
      `expired,${zeros}1`,
      `expired,${zeros}2`,
      `failed,${zeros}9,54`,
      '',
    ]
    assert.deepEqual(hash, createHash('sha256').update(previous).update(lines.join('\n')).digest())
  })

  it('depends on the batch before', () => {
    const entry = { batch: 1n, lastTimestamp: 1n, accounts: [], transfers: [], expiredIds: [], failures: [] }
    assert.notDeepEqual(journalHash(previous, entry), journalHash(Buffer.alloc(32), entry))
  })
})
