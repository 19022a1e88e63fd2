import assert from 'node:assert/strict'
import fc from 'fast-check'
import { testDatabase } from '../../../dev/testing.js'
import { type AccountEvent, AccountFlag } from '../state-machine/account.js'
import { MemoryLedger } from '../state-machine/memory-ledger.js'
import { type Transfer, TransferFlag } from '../state-machine/transfer.js'
import { U128_MAX } from '../state-machine/u128.js'
import { accountEvent, TestEngine, transferEvent } from './harness.js'
import { verifyBooks } from './verify.js'

// Few ids, so that events meet each other: retries, spent ids, posts of the same hold, chains over the same accounts.
const ACCOUNT_IDS = [1n, 2n, 3n, 4n, 5n, 6n]
const TRANSFER_IDS = Array.from({ length: 24 }, (_, index) => 100n + BigInt(index))

const T = TransferFlag
const TRANSFER_FLAGS = [
  0,
  0,
  0,
  0,
  T.PENDING,
  T.PENDING,
  T.POST_PENDING_TRANSFER,
  T.POST_PENDING_TRANSFER,
  T.VOID_PENDING_TRANSFER,
  T.BALANCING_DEBIT,
  T.BALANCING_CREDIT,
  T.PENDING | T.BALANCING_DEBIT,
  T.PENDING | T.CLOSING_DEBIT,
  T.PENDING | T.CLOSING_CREDIT,
  T.IMPORTED,
  T.POST_PENDING_TRANSFER | T.PENDING,
]

const A = AccountFlag
const ACCOUNT_FLAGS = [
  0,
  A.DEBITS_MUST_NOT_EXCEED_CREDITS,
  A.CREDITS_MUST_NOT_EXCEED_DEBITS,
  A.HISTORY,
  A.CLOSED,
  A.IMPORTED,
]

const linked = fc.boolean().map((is) => (is ? 1 : 0))

const account: fc.Arbitrary<AccountEvent> = fc
  .record({
    id: fc.constantFrom(0n, ...ACCOUNT_IDS),
    ledger: fc.constantFrom(1, 1, 1, 2),
    flags: fc.constantFrom(...ACCOUNT_FLAGS),
    timestamp: fc.constantFrom(0n, 0n, 5n, 7n),
    linked,
  })
  .map(({ id, linked, flags, ...fields }) => accountEvent(id, { ...fields, flags: flags | linked }))

const transfer: fc.Arbitrary<Transfer> = fc
  .record({
    id: fc.constantFrom(...TRANSFER_IDS),
    debitAccountId: fc.constantFrom(0n, ...ACCOUNT_IDS, ...ACCOUNT_IDS),
    creditAccountId: fc.constantFrom(0n, ...ACCOUNT_IDS, ...ACCOUNT_IDS),
    amount: fc.constantFrom(0n, 1n, 3n, 10n, 10n, 50n, U128_MAX - 5n, U128_MAX),
    pendingId: fc.constantFrom(0n, ...TRANSFER_IDS),
    userData128: fc.constantFrom(0n, 0n, 0n, 9n),
    timeoutSeconds: fc.constantFrom(0, 0, 1, 2),
    ledger: fc.constantFrom(0, 1, 1, 1, 2),
    code: fc.constantFrom(0, 1, 1, 1),
    flags: fc.constantFrom(...TRANSFER_FLAGS),
    linked,
  })
  .map((fields) => reasonable(fields))

/** Most of what is drawn would fail on its first field; this keeps what is wrong with an event to one thing or two. */
function reasonable({
  linked,
  ...fields
}: Omit<Transfer, 'timestamp' | 'userData64' | 'userData32'> & { linked: number }): Transfer {
  const { id, flags } = fields
  const resolves = (flags & (T.POST_PENDING_TRANSFER | T.VOID_PENDING_TRANSFER)) !== 0
  const pending = (flags & T.PENDING) !== 0
  return transferEvent(id, {
    ...fields,
    flags: flags | linked,
    pendingId: resolves ? fields.pendingId : 0n,
    timeoutSeconds: pending ? fields.timeoutSeconds : 0,
    timestamp: (flags & T.IMPORTED) !== 0 ? 9n : 0n,
    ...(resolves ? { debitAccountId: 0n, creditAccountId: 0n, ledger: 0, code: 0 } : {}),
  })
}

type Round =
  | { readonly kind: 'accounts'; readonly events: AccountEvent[] }
  /** Calls that reach the engine in one turn, and so become one batch there. */
  | { readonly kind: 'transfers'; readonly calls: Transfer[][] }
  | { readonly kind: 'wait'; readonly ms: number }

const round: fc.Arbitrary<Round> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.array(account, { maxLength: 6 }).map((events) => ({ kind: 'accounts' as const, events })),
  },
  {
    weight: 8,
    arbitrary: fc
      .array(fc.array(transfer, { maxLength: 8 }), { minLength: 1, maxLength: 4 })
      .map((calls) => ({ kind: 'transfers' as const, calls })),
  },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 1500 }).map((ms) => ({ kind: 'wait' as const, ms })) },
)

/** Stands still until it is told, so that both ledgers read the same time however often they look. */
class StandingClock {
  now = 1_750_000_000_000_000_000n

  nowMs(): number {
    return Number(this.now / 1_000_000n)
  }

  nowNs(): bigint {
    return this.now
  }
}

describe('random batches', () => {
  it('come to the same in memory and in PostgreSQL, and the books are right', async function () {
    this.timeout(120_000)
    await fc.assert(
      fc.asyncProperty(fc.array(round, { minLength: 5, maxLength: 25 }), async (rounds) => {
        const clock = new StandingClock()
        const memory = new MemoryLedger(() => clock.now)
        const made = await TestEngine.start(await testDatabase('ledger'), { clock, cachedAccountsMax: 4 })
        try {
          for (const id of ACCOUNT_IDS.slice(0, 4)) {
            const events = [accountEvent(id, { flags: id === 1n ? AccountFlag.HISTORY : 0 })]
            assert.deepEqual(await made.engine.createAccounts(events), memory.createAccounts(events))
          }
          for (const next of rounds) await play(next, { clock, memory, made })
          await compare(memory, made)
          await verifyBooks(made.pool)
        } finally {
          await made.stop()
        }
      }),
      { numRuns: 25, endOnFailure: true },
    )
  })
})

async function play(
  next: Round,
  { clock, memory, made }: { clock: StandingClock; memory: MemoryLedger; made: TestEngine },
): Promise<void> {
  const { engine } = made
  switch (next.kind) {
    case 'wait':
      clock.now += BigInt(next.ms) * 1_000_000n
      return
    case 'accounts':
      assert.deepEqual(await engine.createAccounts(next.events), memory.createAccounts(next.events))
      return
    case 'transfers': {
      const decided = await Promise.all(next.calls.map((events) => engine.createTransfers(events)))
      for (const [index, events] of next.calls.entries()) {
        assert.deepEqual(decided[index]?.results, memory.createTransfers(events))
      }
    }
  }
}

async function compare(memory: MemoryLedger, { engine }: TestEngine): Promise<void> {
  // An empty batch sweeps, as reading the memory ledger does.
  await engine.createTransfers([])
  assert.deepEqual(await engine.lookupAccounts(ACCOUNT_IDS), memory.lookupAccounts(ACCOUNT_IDS))
  assert.deepEqual(await engine.lookupTransfers(TRANSFER_IDS), memory.lookupTransfers(TRANSFER_IDS))
}
