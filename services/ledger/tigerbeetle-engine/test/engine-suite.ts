import assert from 'node:assert/strict'
import { AccountFlag } from '../../state-machine/account.js'
import { AccountStatus, TransferStatus } from '../../state-machine/status.js'
import { TransferFlag } from '../../state-machine/transfer.js'
import { accountEvent, eventually, transferEvent } from '../../test/harness.js'
import { clusterOpener } from '../cluster-client.js'
import { TigerBeetleUnderTest } from './tigerbeetle-under-test.js'

// A cluster has room for this many sessions; one more ends the oldest.
const SESSIONS_MAX = 64

describe('the TigerBeetle engine on a real cluster', function () {
  this.timeout(120_000)
  let made: TigerBeetleUnderTest
  before(async () => {
    made = await TigerBeetleUnderTest.start({ callTimeoutMs: 500, reopenPauseMs: 0, probeIntervalMs: 100 })
    const events = [accountEvent(1n, { flags: AccountFlag.HISTORY }), accountEvent(2n)]
    await made.engine.createAccounts(events)
  })
  after(() => made.stop())

  it('answers balances right after the chain for accounts with history, and says which it read later', async () => {
    const { engine } = made
    const chain = [
      transferEvent(10n, { amount: 5n, flags: TransferFlag.LINKED }),
      transferEvent(11n, { amount: 7n, flags: TransferFlag.PENDING }),
    ]
    const [first, second] = await Promise.all([
      engine.createTransfers(chain, { withAccounts: true }),
      engine.createTransfers([transferEvent(12n, { amount: 100n })]),
    ])
    assert.deepEqual(
      [...first.results, ...second.results].map(({ status }) => status),
      Array(3).fill(TransferStatus.CREATED),
    )
    const account = first.accounts.find(({ id }) => id === 1n)
    assert.deepEqual([account?.debitsPosted, account?.debitsPending], [5n, 7n])
    assert.deepEqual([...first.accountsReadLater], [2n])
    const post = transferEvent(13n, { debitAccountId: 0n, creditAccountId: 0n, ledger: 0, code: 0, pendingId: 11n })
    const posted = await engine.createTransfers([{ ...post, amount: 6n, flags: TransferFlag.POST_PENDING_TRANSFER }], {
      withAccounts: true,
    })
    const after = posted.accounts.find(({ id }) => id === 1n)
    assert.deepEqual([after?.debitsPosted, after?.debitsPending], [111n, 0n], 'the accounts are those of the hold')
  })

  it('leaves a call without an answer unknown, and the same ids settle it', async () => {
    const { engine, cluster } = made
    const transfer = transferEvent(20n, { amount: 3n })
    cluster.freeze(true)
    try {
      await assert.rejects(engine.createTransfers([transfer]), { reason: 'outcome_unknown' })
      await assert.rejects(engine.lookupAccounts([1n]), { reason: 'outcome_unknown' })
      await eventually(() => !engine.isWriter, 'the engine is not ready')
    } finally {
      cluster.freeze(false)
    }
    await eventually(() => engine.isWriter, 'the engine is ready again')
    const { results } = await engine.createTransfers([transfer])
    assert.equal(results[0]?.status, TransferStatus.EXISTS, 'the call was still under way and was decided once')
    await eventually(() => engine.queuedEvents === 0, 'nothing is under way')
  })

  it('goes on with another client when the cluster evicted this one', async () => {
    // Asked nothing meanwhile, it becomes the session that was used least recently.
    const quiet = await TigerBeetleUnderTest.start({ probeIntervalMs: 60_000, reopenPauseMs: 0 })
    try {
      const open = await clusterOpener(0n, [quiet.cluster.address])
      for (let count = 0; count < SESSIONS_MAX; count++) {
        const client = open()
        await client.lookupAccounts([1n])
        client.destroy()
      }
      await assert.rejects(quiet.engine.createAccounts([accountEvent(1n)]), { reason: 'outcome_unknown' })
      const [result] = await quiet.engine.createAccounts([accountEvent(1n)])
      assert.equal(result?.status, AccountStatus.CREATED)
      assert.equal(quiet.clientsOpened, 2)
    } finally {
      await quiet.stop()
    }
  })
})
