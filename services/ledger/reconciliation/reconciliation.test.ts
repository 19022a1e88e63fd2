import assert from 'node:assert/strict'
import fc from 'fast-check'
import { StatementRecord as RecordMessage } from '../../../gen/paymesh/ledger/v1/reconciliation.js'
import { MemoryEngine } from '../memory-engine.js'
import { TransferStatus } from '../state-machine/status.js'
import { type Transfer, TransferFlag } from '../state-machine/transfer.js'
import { accountEvent, transferEvent } from '../test/harness.js'
import { Reconciliation } from './reconciliation.js'
import { type Outcome, OUTCOMES, type Side, type StatementRecord } from './statement-record.js'

// Random accounts and random files, compared as the specification says it and as slowly as that is.

const ACCOUNT = 1n
const HOLD = 100n

/** A movement on the account: posted at once, or a hold and what became of it. Its id is its place in the list. */
interface Movement {
  readonly side: Side
  readonly amount: bigint
  readonly subject: bigint
  readonly fate: 'moved' | 'posted' | 'voided' | 'open' | 'elsewhere'
}

/** A record of movement `of`, of the hold before it when there was one, or of a subject. */
interface Line {
  readonly of: bigint
  readonly key: 'transfer' | 'hold' | 'subject'
  readonly side: Side
  readonly amount: bigint
  readonly isPending: boolean
  readonly isUndecided: boolean
}

const side = fc.constantFrom<Side>('DEBIT', 'CREDIT')
const amount = fc.bigInt({ min: 1n, max: 2n })
const movements = fc.array(
  fc.record<Movement>({
    side,
    amount,
    subject: fc.bigInt({ min: 0n, max: 3n }),
    fate: fc.constantFrom('moved', 'moved', 'moved', 'posted', 'voided', 'open', 'elsewhere'),
  }),
  { maxLength: 8 },
)
const lines = fc.array(
  fc.record<Line>({
    of: fc.bigInt({ min: 1n, max: 5n }),
    key: fc.constantFrom('transfer', 'transfer', 'hold', 'subject'),
    side,
    amount,
    isPending: fc.boolean(),
    isUndecided: fc.boolean(),
  }),
  { maxLength: 8 },
)

async function ledgerOf(all: readonly Movement[]): Promise<MemoryEngine> {
  let now = 1_000n
  const engine = new MemoryEngine({ nowMs: () => 0, nowNs: () => (now += 10n) })
  await engine.createAccounts([accountEvent(1n), accountEvent(2n), accountEvent(3n)])
  for (const [index, { side, amount, subject, fate }] of all.entries()) {
    const id = BigInt(index + 1)
    const [from, to] = side === 'DEBIT' ? [ACCOUNT, 2n] : [2n, ACCOUNT]
    const accounts = {
      debitAccountId: fate === 'elsewhere' ? 3n : from,
      creditAccountId: fate === 'elsewhere' ? 2n : to,
    }
    const given: Partial<Transfer> = { ...accounts, amount, userData128: subject }
    const isDirect = fate === 'moved' || fate === 'elsewhere'
    const made = isDirect
      ? [transferEvent(id, given)]
      : [transferEvent(HOLD + id, { ...given, flags: TransferFlag.PENDING })]
    const flags = fate === 'posted' ? TransferFlag.POST_PENDING_TRANSFER : TransferFlag.VOID_PENDING_TRANSFER
    if (fate === 'posted' || fate === 'voided') made.push(transferEvent(id, { ...given, pendingId: HOLD + id, flags }))
    const { results } = await engine.createTransfers(made)
    assert.ok(results.every(({ status }) => status === TransferStatus.CREATED))
  }
  return engine
}

function recordOf({ of, key, side, amount, isPending, isUndecided }: Line, index: number): StatementRecord {
  const isSubject = key === 'subject'
  const id = key === 'hold' ? HOLD + of : of
  const message = RecordMessage.fromPartial({ externalId: String(index) })
  const kind = isSubject ? ('subject' as const) : ('transfer' as const)
  const undecided = isUndecided && !isSubject
  return { key: { kind, id }, side, assetCode: 'THB', amount, isPending, isUndecided: undecided, message }
}

type Counts = Record<Outcome, number>

/** What the contract says of each record and each movement. */
function expected(all: readonly Movement[], records: readonly StatementRecord[]): Counts {
  const counts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Counts
  const named = new Set<bigint>()
  const firsts: StatementRecord[] = []
  for (const record of records.filter(({ key }) => key.kind === 'transfer')) {
    if (named.has(record.key.id)) counts.DUPLICATE += 1
    else firsts.push(record)
    named.add(record.key.id)
  }
  for (const record of firsts) counts[outcomeOf(all, named, record)] += 1
  const here = all.flatMap((movement, index) => {
    const id = BigInt(index + 1)
    const isTaken = movement.fate !== 'moved' && named.has(HOLD + id)
    return movement.fate === 'elsewhere' || isTaken
      ? []
      : [{ ...movement, isNamed: movement.fate !== 'open' && named.has(id) }]
  })
  const left = here.filter(({ isNamed }) => !isNamed)
  // A hold is an entry of its own, and one that a record of its post leaves alone still tells of its subject.
  const seen = here.filter(({ isNamed, fate }) => !isNamed || fate !== 'moved')
  const subjects = new Map<bigint, StatementRecord[]>()
  for (const record of records.filter(({ key }) => key.kind === 'subject')) {
    subjects.set(record.key.id, [...(subjects.get(record.key.id) ?? []), record])
  }
  for (const [subject, group] of subjects) {
    const entries = left.filter((movement) => movement.subject === subject)
    const isThere = seen.some((movement) => movement.subject === subject)
    counts[isThere ? groupOutcome(group, entries) : 'MISSING_HERE'] += group.length
  }
  const moved = left.filter(({ fate }) => fate === 'moved' || fate === 'posted')
  counts.MISSING_THERE = moved.filter(({ subject }) => !subjects.has(subject)).length
  return counts
}

function outcomeOf(all: readonly Movement[], named: ReadonlySet<bigint>, record: StatementRecord): Outcome {
  const isHold = record.key.id > HOLD
  const id = isHold ? record.key.id - HOLD : record.key.id
  const movement = all[Number(id) - 1]
  const isDirect = movement?.fate === 'moved' || movement?.fate === 'elsewhere'
  const isThere = movement !== undefined && (isHold ? !isDirect : movement.fate !== 'open')
  if (!isThere) return record.isUndecided ? 'UNDECIDED' : 'MISSING_HERE'
  if (movement.fate === 'elsewhere') return 'DIFFERENT'
  const hasMoved = movement.fate === 'moved' || movement.fate === 'posted'
  if (isHold && hasMoved && !record.isPending && named.has(id)) return 'DUPLICATE'
  const isElsewhere = !hasMoved && !(record.isPending && movement.fate === 'open')
  if (isHold && record.isUndecided && isElsewhere) return 'UNDECIDED'
  const stands = record.isPending ? movement.fate === 'open' : hasMoved
  return stands && movement.side === record.side && movement.amount === record.amount ? 'MATCHED' : 'DIFFERENT'
}

function groupOutcome(group: readonly StatementRecord[], entries: readonly Movement[]): Outcome {
  const sum = (list: readonly { side: Side; amount: bigint }[], wanted: Side) =>
    list.reduce((total, { side, amount }) => (side === wanted ? total + amount : total), 0n)
  const isAlike = (pending: boolean, fates: readonly Movement['fate'][]) => {
    const there = group.filter(({ isPending }) => isPending === pending)
    const here = entries.filter(({ fate }) => fates.includes(fate))
    return sum(there, 'DEBIT') === sum(here, 'DEBIT') && sum(there, 'CREDIT') === sum(here, 'CREDIT')
  }
  const holdsAlike = !group.some(({ isPending }) => isPending) || isAlike(true, ['open'])
  return isAlike(false, ['moved', 'posted']) && holdsAlike ? 'MATCHED' : 'DIFFERENT'
}

describe('a reconciliation', () => {
  it('comes to what the contract says, whatever the account and the file', async () => {
    await fc.assert(
      fc.asyncProperty(movements, lines, fc.integer({ min: 1, max: 8 }), async (all, given, chunk) => {
        const records = given.map(recordOf)
        const reconciliation = new Reconciliation({
          engine: await ledgerOf(all),
          account: { id: ACCOUNT, name: 'accounts/a', assetCode: 'THB' },
          period: { min: 1n, max: 1_000_000n },
          nowNs: () => 2_000_000n,
          describe: () => Promise.resolve(''),
          signal: new AbortController().signal,
        })
        const findings = []
        for (let from = 0; from < records.length; from += chunk) {
          findings.push(...(await reconciliation.take(records.slice(from, from + chunk))))
        }
        for await (const more of reconciliation.finish()) findings.push(...more)
        const counts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, reconciliation.totals[outcome].count]))
        assert.deepEqual(counts, expected(all, records))
        const said = findings.reduce(
          (count, finding) => count + ('recordCount' in finding ? finding.recordCount : 1),
          0,
        )
        assert.equal(said, records.length + reconciliation.totals.MISSING_THERE.count - silent(counts))
      }),
      { numRuns: 2_500 },
    )
  })
})

function silent(counts: Readonly<Record<string, number>>): number {
  return (counts['MATCHED'] ?? 0) + (counts['UNDECIDED'] ?? 0)
}
