import type pg from 'pg'
import { transaction } from '../../runtime/postgres.js'
import { accountCheck } from './account-check.js'
import { type Bound, type Check, type Finding, type Phase, PHASES, type Read } from './check.js'
import { historyCheck } from './history-check.js'
import { journalCheck } from './journal-check.js'
import { ledgerCheck } from './ledger-check.js'
import { nameCheck } from './name-check.js'
import { transferCheck } from './transfer-check.js'

/** Where a verification is, and what it has done by then. */
export interface Position {
  readonly phase: Phase
  /** Where the next page of the phase begins. */
  readonly next: string
  readonly done: Readonly<Record<Phase, number>>
  readonly findingCount: number
}

export const BEGINNING: Position = {
  phase: 'JOURNAL',
  next: '',
  done: { JOURNAL: 0, ACCOUNTS: 0, TRANSFERS: 0, LEDGERS: 0, NAMES: 0, HISTORY: 0 },
  findingCount: 0,
}

/** What a verification says on its way. */
export type VerificationEvent =
  | { readonly kind: 'finding'; readonly finding: Finding }
  | { readonly kind: 'progress'; readonly phase: Phase; readonly total: bigint; readonly position: Position }
  | { readonly kind: 'summary'; readonly position: Position; readonly batch: bigint; readonly hash: Buffer }

export interface VerificationOptions {
  readonly pool: pg.Pool
  /** What account ids are derived with. */
  readonly namespace: string
  readonly from: Position
  readonly phases: readonly Phase[]
  /** Ends the verification between two pages. */
  readonly signal?: AbortSignal
}

// An account with tens of millions of transfers is one statement; it must not take for ever either.
const STATEMENT_TIMEOUT = '10min'

// Every page is found by an index. Where few accounts have most transfers, the planner would rather walk over all
// transfers once for each account of a page.
const PLANNING = 'set local jit = off; set local enable_seqscan = off'

/** Verifies the books from a position on. Holds a page in memory, and a connection only while it reads one. */
export async function* verifyLedger(options: VerificationOptions): AsyncGenerator<VerificationEvent, void> {
  const { pool, namespace, from, phases, signal } = options
  const read = reader(pool)
  const head = await readHead(read)
  const checks: readonly Check[] = [
    journalCheck,
    accountCheck,
    transferCheck,
    ledgerCheck,
    nameCheck(namespace),
    historyCheck,
  ]
  let position = from
  for (const check of checks) {
    if (!phases.includes(check.phase) || PHASES.indexOf(check.phase) < PHASES.indexOf(position.phase)) continue
    if (check.phase !== position.phase) position = { ...position, phase: check.phase, next: '' }
    const total = await check.total(read, head)
    for (;;) {
      signal?.throwIfAborted()
      const page = await check.page(read, head, position.next)
      for (const finding of page.findings) yield { kind: 'finding', finding }
      const done = { ...position.done, [check.phase]: position.done[check.phase] + page.checkedCount }
      const findingCount = position.findingCount + page.findings.length
      position = { phase: check.phase, next: page.next ?? '', done, findingCount }
      if (page.next === undefined) break
      yield { kind: 'progress', phase: check.phase, total, position }
    }
    const nextPhase = checks[checks.indexOf(check) + 1]?.phase
    if (nextPhase === undefined || !phases.includes(nextPhase)) continue
    yield { kind: 'progress', phase: check.phase, total, position: { ...position, phase: nextPhase, next: '' } }
  }
  yield { kind: 'summary', position, batch: head.batch, hash: head.hash }
}

function reader(pool: pg.Pool): Read {
  return <R extends object>(text: string, values: readonly unknown[] = []) =>
    transaction(pool, async (client) => {
      await client.query(`set transaction read only; set local statement_timeout = '${STATEMENT_TIMEOUT}'; ${PLANNING}`)
      return (await client.query<R>(text, [...values])).rows
    })
}

async function readHead(read: Read): Promise<Bound & { readonly hash: Buffer }> {
  const [row] = await read<{ batch: string; last_timestamp: string; hash: Buffer }>(
    'select batch::text, last_timestamp::text, hash from ledger_head',
  )
  if (row === undefined) throw new Error('The database has no ledger_head; it was not migrated.')
  return { batch: BigInt(row.batch), lastTimestamp: BigInt(row.last_timestamp), hash: row.hash }
}
