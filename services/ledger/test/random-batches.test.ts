import assert from 'node:assert/strict'
import fc from 'fast-check'
import { testDatabase } from '../../../dev/testing.js'
import { type AccountEvent, AccountFlag } from '../state-machine/account.js'
import { MemoryLedger } from '../state-machine/memory-ledger.js'
import { type Transfer, TransferFlag } from '../state-machine/transfer.js'
import { U128_MAX } from '../state-machine/u128.js'
import { accountEvent, TestEngine, transferEvent } from './harness.js'
import { verifyBooks } from './verify.js'

const ACCOUNT_IDS = [1n, 2n, 3n, 4n, 5n, 6n]
const FIRST_TRANSFER_ID = 100n

const T = TransferFlag
const A = AccountFlag

/** A value of the first list almost always, of the second now and then. */
function mostly<V>(usual: readonly V[], odd: readonly V[]): fc.Arbitrary<V> {
  return fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...usual) },
    { weight: 1, arbitrary: fc.constantFrom(...odd) },
  )
}

const linked = mostly([0, 0, 0, 0, 0, 1], [1])

const account: fc.Arbitrary<AccountEvent> = fc
  .record({
    id: mostly(ACCOUNT_IDS, [0n]),
    ledger: mostly([1], [2]),
    flags: mostly([0, A.DEBITS_MUST_NOT_EXCEED_CREDITS, A.HISTORY], [A.CLOSED, A.CREDITS_MUST_NOT_EXCEED_DEBITS]),
    linked,
  })
  .map(({ id, linked, flags, ...fields }) => accountEvent(id, { ...fields, flags: flags | linked }))

/** A transfer before it has an id: which ids exist by then is known only when the events stand in order. */
interface Draft {
  readonly fields: Partial<Transfer>
  /** Repeats the id of an earlier event. */
  readonly repeats: boolean
  /** Which earlier event it repeats, or which hold it resolves. */
  readonly pick: number
}

const moveOrHold = fc.record({
  debitAccountId: mostly(ACCOUNT_IDS.slice(0, 4), [0n, 5n, 6n, 7n]),
  creditAccountId: mostly(ACCOUNT_IDS.slice(0, 4), [0n, 5n, 6n, 7n]),
  amount: mostly([0n, 1n, 3n, 10n, 50n], [U128_MAX - 5n, U128_MAX]),
  timeoutSeconds: fc.constantFrom(0, 1, 2),
  ledger: mostly([1], [0, 2]),
  code: mostly([1], [0, 2]),
  userData128: mostly([0n], [9n]),
  flags: mostly(
    [0, T.PENDING, T.PENDING, T.BALANCING_DEBIT, T.BALANCING_CREDIT, T.PENDING | T.BALANCING_DEBIT],
    [T.PENDING | T.CLOSING_DEBIT, T.PENDING | T.CLOSING_CREDIT, T.CLOSING_DEBIT, T.IMPORTED, 512],
  ),
})

const postOrVoid = fc.record({
  debitAccountId: mostly([0n], [1n]),
  creditAccountId: fc.constant(0n),
  amount: fc.constantFrom(0n, 1n, 10n, U128_MAX),
  ledger: mostly([0], [1, 2]),
  code: mostly([0], [1, 2]),
  userData128: mostly([0n], [9n]),
  flags: mostly([T.POST_PENDING_TRANSFER, T.VOID_PENDING_TRANSFER], [T.POST_PENDING_TRANSFER | T.PENDING]),
})

const draft: fc.Arbitrary<Draft> = fc
  .record({
    fields: fc.oneof(moveOrHold, postOrVoid),
    linked,
    repeats: fc.integer({ min: 0, max: 3 }).map((drawn) => drawn === 0),
    pick: fc.nat(50),
  })
  .map(({ fields, linked, ...rest }) => ({ ...rest, fields: settled({ ...fields, flags: fields.flags | linked }) }))

/** Only a hold has a timeout, and only an imported transfer a time: otherwise nothing else would come to be seen. */
function settled(fields: Partial<Transfer> & { flags: number }): Partial<Transfer> {
  const timeoutSeconds = (fields.flags & T.PENDING) === 0 ? 0 : (fields.timeoutSeconds ?? 0)
  return { ...fields, timeoutSeconds, timestamp: (fields.flags & T.IMPORTED) === 0 ? 0n : 9n }
}

type DraftRound =
  | { readonly kind: 'accounts'; readonly events: AccountEvent[] }
  | { readonly kind: 'transfers'; readonly calls: Draft[][] }
  | { readonly kind: 'wait'; readonly ms: number }

const draftRound: fc.Arbitrary<DraftRound> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.array(account, { maxLength: 4 }).map((events) => ({ kind: 'accounts' as const, events })),
  },
  {
    weight: 8,
    arbitrary: fc
      .array(fc.array(draft, { maxLength: 8 }), { minLength: 1, maxLength: 4 })
      .map((calls) => ({ kind: 'transfers' as const, calls })),
  },
  { weight: 2, arbitrary: fc.integer({ min: 100, max: 1500 }).map((ms) => ({ kind: 'wait' as const, ms })) },
)

type Round =
  | { readonly kind: 'accounts'; readonly events: AccountEvent[] }
  /** Calls that reach the engine in one turn, and so become one batch there. */
  | { readonly kind: 'transfers'; readonly calls: Transfer[][] }
  | { readonly kind: 'wait'; readonly ms: number }

const rounds: fc.Arbitrary<Round[]> = fc.array(draftRound, { minLength: 10, maxLength: 30 }).map((drafts) => {
  const made: Transfer[] = []
  return drafts.map((round) =>
    round.kind === 'transfers'
      ? { kind: 'transfers', calls: round.calls.map((call) => call.map((one) => finish(one, made))) }
      : round,
  )
})

/** Gives a draft its ids, from the events before it. */
function finish({ fields, repeats, pick }: Draft, made: Transfer[]): Transfer {
  const earlier = made[pick % Math.max(1, made.length)]
  const holds = made.filter(({ flags }) => (flags & T.PENDING) !== 0).slice(-6)
  const resolves = ((fields.flags ?? 0) & (T.POST_PENDING_TRANSFER | T.VOID_PENDING_TRANSFER)) !== 0
  const pendingId = resolves ? (holds[pick % Math.max(1, holds.length)]?.id ?? 99n) : 0n
  const id = repeats && earlier ? earlier.id : FIRST_TRANSFER_ID + BigInt(made.length)
  const same = repeats && pick % 2 === 0
  const event = same && earlier ? earlier : transferEvent(id, { ...fields, pendingId })
  made.push(event)
  return event
}

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
      fc.asyncProperty(rounds, async (drawn) => {
        const clock = new StandingClock()
        const memory = new MemoryLedger(() => clock.now)
        const made = await TestEngine.start(await testDatabase('ledger'), {
          clock,
          cachedAccountsMax: 4,
          lookedUpAfterRepeat: 0,
        })
        try {
          for (const id of ACCOUNT_IDS.slice(0, 4)) {
            const events = [accountEvent(id, { flags: id === 1n ? AccountFlag.HISTORY : 0 })]
            assert.deepEqual(await made.engine.createAccounts(events), memory.createAccounts(events))
          }
          for (const next of drawn) await play(next, { clock, memory, made })
          await compare(memory, made, drawn)
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

async function compare(memory: MemoryLedger, { engine }: TestEngine, drawn: readonly Round[]): Promise<void> {
  // An empty batch sweeps, as reading the memory ledger does.
  await engine.createTransfers([])
  assert.deepEqual(await engine.lookupAccounts(ACCOUNT_IDS), memory.lookupAccounts(ACCOUNT_IDS))
  const ids = drawn.flatMap((round) => (round.kind === 'transfers' ? round.calls.flat().map(({ id }) => id) : []))
  assert.deepEqual(await engine.lookupTransfers(ids), memory.lookupTransfers(ids))
}
