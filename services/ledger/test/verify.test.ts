import assert from 'node:assert/strict'
import { testDatabase } from '../../../dev/testing.js'
import { TransferFlag } from '../state-machine/transfer.js'
import { accountEvent, TestEngine, transferEvent } from './harness.js'
import { verifyBooks } from './verify.js'

// The other tests end with verifyBooks; this one shows that it would notice.
describe('the proof of the books', () => {
  let made: TestEngine
  before(async () => {
    made = await TestEngine.start(await testDatabase('ledger'))
    await made.engine.createAccounts([accountEvent(1n), accountEvent(2n), accountEvent(3n)])
    await made.engine.createTransfers([transferEvent(1n, { amount: 5n }), transferEvent(2n, { creditAccountId: 9n })])
    await made.engine.createTransfers([transferEvent(3n, { flags: TransferFlag.PENDING })])
    await verifyBooks(made.pool)
  })
  after(() => made.stop())

  const corruptions: Readonly<Record<string, readonly [string, string, RegExp]>> = {
    'a balance': [
      `update accounts set debits_posted = debits_posted + 1 where timestamp = (select min(timestamp) from accounts)`,
      `update accounts set debits_posted = debits_posted - 1 where timestamp = (select min(timestamp) from accounts)`,
      /debits and credits differ/,
    ],
    'both sides of a balance': [
      'update accounts set debits_posted = debits_posted + 1, credits_posted = credits_posted + 1',
      'update accounts set debits_posted = debits_posted - 1, credits_posted = credits_posted - 1',
      /not the sum of their transfers/,
    ],
    'what a transfer says': [
      'update transfers set code = code + 1',
      'update transfers set code = code - 1',
      /hash of batch 2 /,
    ],
    'a spent id': [
      'update failed_transfers set status = status + 1',
      'update failed_transfers set status = status - 1',
      /hash of batch 2 /,
    ],
    'an account': ['update accounts set code = code + 1', 'update accounts set code = code - 1', /hash of batch 1 /],
    'the journal': [
      'update journal set last_timestamp = last_timestamp + 1 where batch = 3',
      'update journal set last_timestamp = last_timestamp - 1 where batch = 3',
      /hash of batch 3 /,
    ],
    'the state of a hold': [
      'update pending_transfers set state = 2, resolved_batch = 3',
      'update pending_transfers set state = 1, resolved_batch = null',
      /not the sum of their transfers/,
    ],
    'what resolved a hold': [
      'update pending_transfers set resolved_batch = 3',
      'update pending_transfers set resolved_batch = null',
      /do not agree with what resolved them/,
    ],
    'the head': ['update ledger_head set batch = batch - 1', 'update ledger_head set batch = batch + 1', /2/],
  }
  for (const [what, [corrupt, restore, message]] of Object.entries(corruptions)) {
    it(`notices that ${what} was changed by hand`, async () => {
      await made.pool.query(corrupt)
      await assert.rejects(verifyBooks(made.pool), message)
      await made.pool.query(restore)
      await verifyBooks(made.pool)
    })
  }
})
